/** `posternctl log verify --state DIR`: the database, the tiles and the index of search on the disk, without a controller. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PosternError } from '#shared/base/errors.ts';
import type { IndexVerdict, LogVerdict } from '#shared/contracts/admin-proofs.ts';
import type { NoteKey } from '#shared/log/note-key.ts';
import { nodesFromTiles } from '#shared/log/tiles.ts';
import { proveConsistency } from '#shared/log/tree-proofs.ts';
import { readLogKeys } from '../../authority/log-keys.ts';
import { databaseName } from '../../init.ts';
import { logFolder } from '../../log/log-keeper.ts';
import { readLogState } from '../../log/log-state.ts';
import { TileStore } from '../../log/tile-store.ts';
import { verifyIndex } from '../../log/verify/verify-index.ts';
import { verifyLog } from '../../log/verify/verify-log.ts';
import { readCosigned } from '../../log-anchors/cosigned.ts';
import { findGeneration } from '../../store/generation.ts';
import { openReader } from '../../store/open-store.ts';
import type { Prove } from './judge-checkpoints.ts';

export interface StateOrder {
  readonly dir: string;
  /** Those of the database, which proves little, unless given. */
  readonly keys: readonly NoteKey[] | undefined;
  readonly index: 'sample' | 'whole' | 'none';
  readonly onProgress: (done: number, total: number, of: string) => void;
}

export interface StateVerdict {
  readonly verdict: LogVerdict;
  readonly keys: readonly NoteKey[];
  /** The newest checkpoint, and the newest of the witnesses. */
  readonly checkpoint: string | undefined;
  readonly witnessed: string | undefined;
}

/** `use`: while the database is open. Throws `not-found` where there is none. */
export async function verifyState<T>(
  { dir, keys, index: share, onProgress }: StateOrder,
  use: (found: StateVerdict, prove: Prove) => Promise<T>,
): Promise<T> {
  const file = join(dir, databaseName);
  if (!existsSync(file)) throw new PosternError('not-found', `there is no ${databaseName} in ${dir}`);
  const { db, stop } = openReader(file);
  try {
    const state = await readLogState(db);
    const known = keys ?? (await readLogKeys(db)).map(({ key }) => key);
    const tiles = new TileStore(db, logFolder(dir, state.number));
    const records = (done: number, total: number) => onProgress(done, total, 'records');
    const verdict = await verifyLog({ db, file, dir: tiles.dir, state, keys: known, onProgress: records });
    let index: IndexVerdict | undefined;
    const log = await findGeneration(db);
    if (share !== 'none' && log !== undefined) {
      const blocks = (done: number, total: number) => onProgress(done, total, 'index');
      ({ verdict: index } = await verifyIndex({ file, log, share, onProgress: blocks }));
    }
    const prove: Prove = (from, to) =>
      proveConsistency(
        from,
        to,
        nodesFromTiles((tile) => tiles.read(tile), to),
      );
    const witnessed = await readCosigned(db, { origin: state.origin });
    const found = {
      verdict: { ...verdict, ...(index === undefined ? {} : { index }) },
      keys: known,
      checkpoint: state.checkpoint ?? undefined,
      witnessed: witnessed?.note,
    };
    return await use(found, prove);
  } finally {
    await stop();
  }
}
