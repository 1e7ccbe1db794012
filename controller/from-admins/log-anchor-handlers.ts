/** Places outside of the log, and witnesses: each change on record, never with a secret. */
import type { adminLogAnchors } from '#shared/contracts/admin-log-anchors.ts';
import type { RecordEvent } from '#shared/contracts/record-events.ts';
import { addAnchor, findAnchor, readAnchors, removeAnchor, showAnchor } from '../log-anchors/anchor-rows.ts';
import { splitUrl } from '../log-streams/read-settings.ts';
import type { Db } from '../store/open-store.ts';
import type { AdminCaller, AdminParts, HandlersOf } from './admin-parts.ts';
import { recordAdmin } from './record-admin.ts';

export function logAnchorHandlers(parts: AdminParts): HandlersOf<typeof adminLogAnchors> {
  const { db, clock, sealer, keeper, anchors } = parts;
  const record = (on: Db, caller: AdminCaller, event: RecordEvent<'log'>, details: Record<string, unknown>) =>
    recordAdmin(on, clock.now(), caller, { event, kind: 'log', details });
  return {
    async logAnchors() {
      const state = await keeper.state();
      return { items: (await readAnchors(db)).map((row) => showAnchor(parts, state, row)) };
    },

    async addLogAnchor({ body, caller }) {
      await db.transaction().execute(async (trx) => {
        await addAnchor(trx, clock.now(), { body, by: caller.actor, sealer });
        const { authorization: _, key: _key, ca: _ca, certificate: _certificate, url, ...told } = body;
        const { bare } = splitUrl(url);
        const after = { ...told, ...(bare === undefined ? {} : { url: bare }) };
        await record(trx, caller, 'anchor-added', { anchor: body.name, after });
      });
      await anchors.look();
      return showAnchor(parts, await keeper.state(), await findAnchor(db, body.name));
    },

    async tryLogAnchor({ params: { name }, caller }) {
      const row = await findAnchor(db, name);
      const begun = performance.now();
      const { size, why } = await anchors.try(row);
      const ms = Math.round(performance.now() - begun);
      const told = why === undefined ? {} : { why: why.slice(0, 500) };
      await record(db, caller, 'anchor-tried', { anchor: name, size, ...told });
      return { size, ms, ...told };
    },

    async removeLogAnchor({ params: { name }, caller }) {
      await db.transaction().execute(async (trx) => {
        const { origin, size } = await removeAnchor(trx, name);
        await record(trx, caller, 'anchor-removed', { anchor: name, origin, size });
      });
      await anchors.look();
    },
  };
}
