/** Streams of the log: each change on record, never with a secret. */
import type { adminLogStreams } from '#shared/contracts/admin-log-streams.ts';
import type { RecordEvent } from '#shared/contracts/record-events.ts';
import { readTrace } from '../log/read-trace.ts';
import {
  addStream,
  findStream,
  pauseStream,
  removeStream,
  resumeStream,
  showStream,
  showStreams,
} from '../log-streams/change-streams.ts';
import { splitUrl } from '../log-streams/read-settings.ts';
import { orderOf } from '../log-streams/stream-rows.ts';
import type { Trx } from '../store/open-store.ts';
import type { AdminCaller, AdminParts, HandlersOf } from './admin-parts.ts';
import { type AdminAct, recordAdmin } from './record-admin.ts';

export function logStreamHandlers(parts: AdminParts): HandlersOf<typeof adminLogStreams> {
  const { db, clock, sealer, logStreams } = parts;
  const shown = async (name: string) => showStream(parts, clock.now(), await findStream(db, name));
  const record = (trx: Trx, caller: AdminCaller, event: RecordEvent<'log'>, more: AdminAct['details']) =>
    recordAdmin(trx, clock.now(), caller, { event, kind: 'log', ...(more === undefined ? {} : { details: more }) });
  return {
    logStreams: async () => ({ items: await showStreams(parts, clock.now()) }),

    async logStream({ params: { name } }) {
      const rows = await db
        .selectFrom('log_stream_asides')
        .selectAll()
        .where('stream', '=', name)
        .orderBy('n', 'desc')
        .limit(100)
        .execute();
      const asides = rows.map(({ first, last, ids, count, why, at }) => ({
        first,
        last,
        ids: JSON.parse(ids),
        count,
        why: why.slice(0, 500),
        at,
      }));
      return { stream: await shown(name), asides };
    },

    async addLogStream({ body, caller }) {
      await db.transaction().execute(async (trx) => {
        await addStream(trx, clock.now(), { body, by: caller.actor, sealer });
        const {
          token: _,
          authorization: _authorization,
          key: _key,
          ca: _ca,
          certificate: _certificate,
          url,
          ...told
        } = body;
        const { bare } = splitUrl(url);
        const after = { ...told, ...(bare === undefined ? {} : { url: bare }) };
        await record(trx, caller, 'stream-added', { stream: told.name, after });
      });
      await logStreams.look();
      return shown(body.name);
    },

    async testLogStream({ params: { name }, caller }) {
      const order = orderOf(sealer, await findStream(db, name));
      await db.transaction().execute((trx) => record(trx, caller, 'stream-tested', { stream: name }));
      const [sent] = await readTrace(db, caller.trace, 1);
      const begun = performance.now();
      const why = await logStreams.try(order, sent!);
      const ms = Math.round(performance.now() - begun);
      return {
        arrived: why === undefined,
        record: sent!.id,
        ms,
        ...(why === undefined ? {} : { why: why.slice(0, 500) }),
      };
    },

    async pauseLogStream({ params: { name }, caller }) {
      await db.transaction().execute(async (trx) => {
        await record(trx, caller, 'stream-paused', { stream: name });
        await pauseStream(trx, name);
      });
      await logStreams.look();
      return shown(name);
    },

    async resumeLogStream({ params: { name }, caller }) {
      await db.transaction().execute(async (trx) => {
        await resumeStream(trx, name);
        await record(trx, caller, 'stream-resumed', { stream: name });
      });
      await logStreams.look();
      return shown(name);
    },

    async removeLogStream({ params: { name }, caller }) {
      await db.transaction().execute(async (trx) => {
        const { position } = await findStream(trx, name);
        await removeStream(trx, name);
        await record(trx, caller, 'stream-removed', { stream: name, position });
      });
      await logStreams.look();
    },
  };
}
