/** The log as a tree. Reading it is itself a record (P34), asking for its size is not. */
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { adminProofs, IndexVerdict, LogHead } from '#shared/contracts/admin-proofs.ts';
import { formatNoteKey } from '#shared/log/note-key.ts';
import { entriesPath, tilePath } from '#shared/log/tile-path.ts';
import { tilesBetween } from '#shared/log/tiles.ts';
import { writeNdjson } from '#shared/wire/ndjson.ts';
import { readLogKeys } from '../authority/log-keys.ts';
import { databaseName } from '../init.ts';
import { readKnown, silentGateways } from '../log/known/read-known.ts';
import { heldError } from '../log/log-keeper.ts';
import type { Held, LogState } from '../log/log-state.ts';
import { proveGrowth, proveRecord } from '../log/prove-record.ts';
import { readEntries } from '../log/read-entries.ts';
import { type Also, openNewLog, resumeLog } from '../log/reopen-log.ts';
import { type IndexOrder, verifyIndex } from '../log/verify/verify-index.ts';
import { verifyLog } from '../log/verify/verify-log.ts';
import { readCosigned } from '../log-anchors/cosigned.ts';
import { requireWitnesses } from '../log-anchors/require-witnesses.ts';
import type { KnownVerdict } from '../store/log-anchor-tables.ts';
import type { AdminCaller, AdminParts, HandlersOf } from './admin-parts.ts';
import { recordAdmin } from './record-admin.ts';

export function proofHandlers(parts: AdminParts): HandlersOf<typeof adminProofs> {
  const { db, clock, keeper, known, anchors, sealer, settings, dir } = parts;

  const head = async (): Promise<LogHead> => {
    const { number, origin, size, checkpoint, held } = await keeper.state();
    const cosigned = await readCosigned(db, { origin });
    const keys = (await readLogKeys(db)).map(({ key, current }) => ({ key: formatNoteKey(key), current }));
    return {
      number,
      origin,
      size,
      keys,
      ...(checkpoint === null ? {} : { checkpoint }),
      ...(cosigned === undefined ? {} : { witnessed: cosigned.note }),
      ...(held === null ? {} : { held: held as Held }),
    };
  };
  const told =
    (caller: AdminCaller, event: 'log-resumed' | 'log-opened'): Also =>
    (trx, former, known) =>
      recordAdmin(trx, clock.now(), caller, {
        event,
        kind: 'log',
        details: {
          former: { origin: former.origin, size: former.size, root: former.root, checkpoint: former.checkpoint },
          ...(known === undefined
            ? {}
            : { known: { origin: known.origin, size: known.size, checkpoint: known.note.text } }),
        },
      });

  return {
    // Whoever keeps its checkpoint keeps it of everything that was recorded until now.
    async logHead() {
      if ((await keeper.state()).held === null) await keeper.settle();
      return head();
    },

    async proveRecord({ params: { id }, caller }) {
      const proof = await proveRecord(parts, id);
      await recordAdmin(db, clock.now(), caller, {
        event: 'record-proved',
        kind: 'log',
        details: { id, index: proof.index },
      });
      return proof;
    },

    proveGrowth: ({ query: { from, to } }) => proveGrowth(parts, from, to),

    async verifyLog({ body: { index: share = 'sample' }, caller, start }) {
      const state = await keeper.state();
      if (state.held === null) await keeper.settleWitnessed();
      await recordAdmin(db, clock.now(), caller, { event: 'log-verified', kind: 'log', details: { size: state.size } });
      const lines = writeNdjson(start());
      const ended = new AbortController();
      void lines.closed.then(() => ended.abort());
      const keys = (await readLogKeys(db)).map(({ key }) => key);
      const result = await verifyLog({
        db,
        file: join(dir, databaseName),
        dir: keeper.tiles.dir,
        state: await keeper.state(),
        keys,
        signal: ended.signal,
        onProgress: (done, total) => lines.send({ t: 'progress', of: 'records', done, total }),
      });
      const index =
        share === 'none'
          ? undefined
          : await verifyAndMend(parts, {
              share,
              signal: ended.signal,
              onProgress: (done, total) => lines.send({ t: 'progress', of: 'index', done, total }),
            });
      lines.send({ t: 'result', result: { ...result, ...(index === undefined ? {} : { index }) } });
    },

    async exportLog({ caller, start }) {
      const state = await keeper.settleWitnessed();
      await recordAdmin(db, clock.now(), caller, { event: 'log-exported', kind: 'log', details: { size: state.size } });
      await sendFiles(parts, state, start());
    },

    async knownLog() {
      const { origin, size, held } = await keeper.state();
      const rows = await readKnown(db);
      const items = rows.map(({ note, verdict, ...row }) => ({
        ...row,
        verdict: verdict as KnownVerdict,
        ...(note === null ? {} : { checkpoint: note }),
      }));
      const silent = await silentGateways(db, rows);
      return { origin, size, items, silent, ...(held === null ? {} : { held: held as Held }) };
    },

    async resumeLog({ body: { checkpoint }, caller }) {
      await anchors.tellKnown();
      const witnesses = await requireWitnesses(anchors, checkpoint !== undefined);
      await resumeLog(db, { checkpoint, witnesses }, told(caller, 'log-resumed'));
      known.forget();
      await keeper.reopen();
      // There may be a later one on this very disk.
      const { held } = await keeper.state();
      if (held !== null) throw heldError(held);
      return head();
    },

    async openNewLog({ body: { checkpoint }, caller }) {
      const { trustDomain } = settings;
      const order = { trustDomain, sealer, dir, at: clock.now(), checkpoint };
      await openNewLog(db, order, told(caller, 'log-opened'));
      known.forget();
      await keeper.reopen();
      return head();
    },
  };
}

/** With so many blocks that are not right all of the index is made anew. */
const mostBlocks = 8;

/** The index of search: what of it is not right is made anew. */
async function verifyAndMend(
  { dir, generation, searches }: AdminParts,
  order: Pick<IndexOrder, 'share' | 'signal' | 'onProgress'>,
): Promise<IndexVerdict> {
  const { verdict, wrong } = await verifyIndex({ ...order, file: join(dir, databaseName), log: generation });
  const { faults, more } = verdict;
  const orders = wrong.length > mostBlocks ? [{ faults, more }] : wrong;
  for (const one of orders) await searches.ask('mend', one);
  return { ...verdict, mended: orders.length > 0 };
}

/** Bundle by bundle, each when the one before it is on its way; the checkpoint last. */
async function sendFiles(
  { db, keeper }: AdminParts,
  { size, checkpoint }: LogState & { readonly checkpoint: string },
  response: ServerResponse,
): Promise<void> {
  const lines = writeNdjson(response);
  const send = async (path: string, bytes: Uint8Array): Promise<boolean> => {
    const sent = lines.send({ path, bytes: Buffer.from(bytes).toString('base64') });
    await lines.drained();
    return sent;
  };
  for (const tile of tilesBetween(0, size)) {
    if (!(await send(tilePath(tile), await keeper.tiles.read(tile)))) return;
    if (tile.level === 0 && !(await send(entriesPath(tile), await readEntries(db, tile)))) return;
  }
  await send('checkpoint', Buffer.from(checkpoint));
}
