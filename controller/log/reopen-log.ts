/**
 * After a restore (P35): the log goes on once the newest checkpoint that anybody knows is shown to be of its past, or another log begins
 * out of the records that there are, whose first own record names the one before it.
 */
import { PosternError } from '#shared/base/errors.ts';
import { type OpenedCheckpoint, openCheckpoint } from '#shared/log/checkpoint.ts';
import { nodesFromTiles } from '#shared/log/tiles.ts';
import { rootFromNodes } from '#shared/log/tree-proofs.ts';
import { readLogKeys } from '../authority/log-keys.ts';
import type { Db, Trx } from '../store/open-store.ts';
import { advanceLogState, emptyState, type LogState, readLogState } from './log-state.ts';
import { TileStore } from './tile-store.ts';

/** `also` is what is recorded, in the same transaction. */
export type Also = (trx: Trx, former: LogState, known: OpenedCheckpoint | undefined) => Promise<void>;

/** Throws `conflict` when nothing holds the log, `proof-refused` for a checkpoint of another log, `log-held` for one that it does not go on from. */
export async function resumeLog(db: Db, checkpoint: string, also: Also): Promise<void> {
  const known = await openKnown(db, checkpoint);
  const state = await readLogState(db);
  if (state.held === null) throw new PosternError('conflict', undefined, { tell: 'The log is not held: it signs.' });
  if (known.origin !== state.origin) {
    throw new PosternError('proof-refused', undefined, {
      tell: `That checkpoint is of ${known.origin}, and this log is ${state.origin}.`,
    });
  }
  // Out of the database alone: tiles on the disk may be of a time that it has lost.
  const tiles = new TileStore(db, '');
  const node = nodesFromTiles((tile) => tiles.make(tile), known.size);
  if (known.size > state.size || !(await rootFromNodes(known.size, node)).equals(known.root)) {
    const tell = `The log has ${state.size} leaves and does not go on from that checkpoint of ${known.size}: some of it is lost. Open another: posternctl log new.`;
    throw new PosternError('log-held', undefined, { tell });
  }
  await db.transaction().execute(async (trx) => {
    await advanceLogState(trx, state, { held: null });
    await also(trx, state, known);
  });
}

/** Throws `proof-refused` for a checkpoint that no log of this installation signed. */
export async function openNewLog(
  db: Db,
  trustDomain: string,
  checkpoint: string | undefined,
  also: Also,
): Promise<void> {
  const known = checkpoint === undefined ? undefined : await openKnown(db, checkpoint);
  await db.transaction().execute(async (trx) => {
    const former = await readLogState(trx);
    const { id: _, ...fresh } = emptyState(trustDomain, former.number + 1);
    await advanceLogState(trx, former, fresh);
    await trx.deleteFrom('log_leaves').execute();
    await trx.updateTable('log_keys').set({ state: 'former' }).where('origin', '=', former.origin).execute();
    await also(trx, former, known);
  });
}

async function openKnown(db: Db, checkpoint: string): Promise<OpenedCheckpoint> {
  const keys = await readLogKeys(db);
  return openCheckpoint(checkpoint, { log: keys.map(({ key }) => key) });
}
