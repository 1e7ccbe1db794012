/**
 * Whether the log is whole: every leaf hashed anew and compared with records, tiles, the state and the checkpoint. Threads go through
 * ranges of leaves; here their roots are put together to the tree. Reads only.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { LogVerdict } from '#shared/contracts/admin-proofs.ts';
import { openCheckpoint } from '#shared/log/checkpoint.ts';
import type { NoteKey } from '#shared/log/note-key.ts';
import { tileWidth } from '#shared/log/tile-path.ts';
import { hashBytes } from '#shared/log/tree-hash.ts';
import type { Db } from '../../store/open-store.ts';
import { type LogState, readLogState } from '../log-state.ts';
import { askWorker } from './ask-worker.ts';
import { checkErasures, firstErasure } from './check-erasures.ts';
import { PrunedSets } from './check-prunings.ts';
import type { Range, RangeOrder, RangeResult } from './check-range.ts';
import { FaultList, mostFaults } from './fault-list.ts';
import { checkUpperTiles } from './upper-tiles.ts';

export interface VerifyOrder extends RangeOrder {
  readonly db: Db;
  /** As of now: what is written later is not looked at. */
  readonly state: LogState;
  readonly keys: readonly NoteKey[];
  readonly onProgress?: (done: number, total: number) => void;
  /** Ends the threads. */
  readonly signal?: AbortSignal;
  readonly threads?: number;
}

/** A whole number of tiles: some 50 ms of work. */
const rangeWidth = 32 * tileWidth;

export async function verifyLog(order: VerifyOrder): Promise<LogVerdict> {
  const { state, db } = order;
  const { size } = state;
  const total = { records: 0, erased: 0, late: 0 };
  const pruned = await PrunedSets.begin(db);
  const faults = new FaultList();
  const lateFrom = await firstErasure(db);
  const roots = await checkRanges({ ...order, lateFrom }, (result, from) => {
    total.records += result.records;
    pruned.add(from, result.pruned);
    total.erased += result.erased;
    total.late += result.late;
    for (const fault of result.faults) faults.push(fault);
  });
  const root = checkUpperTiles({ dir: order.dir, size, tiled: state.signed_size }, roots, faults);
  if (root.toString('hex') !== state.root)
    faults.push({ what: `the tree of ${size} leaves has not the root that the log has` });
  await checkNewest(order, root, faults);
  const prunings = await pruned.check(db, state, faults);
  await checkErasures(db, total.erased - total.late, faults);
  await checkStrangers(db, state, total.records, faults);
  return {
    origin: state.origin,
    size,
    root: root.toString('base64'),
    pruned: pruned.count,
    prunings,
    erased: total.erased,
    faults: faults.sorted(),
    more: faults.more,
  };
}

/** The roots of the tiles of level 0, in their order. */
async function checkRanges(order: VerifyOrder, take: (result: RangeResult, from: number) => void): Promise<Buffer> {
  const { file, dir, lateFrom, state, signal, onProgress } = order;
  const roots = Buffer.alloc(Math.ceil(state.size / tileWidth) * hashBytes);
  const ranges: Range[] = [];
  for (let from = 0; from < state.size; from += rangeWidth) {
    ranges.push({ from, to: Math.min(from + rangeWidth, state.size), tiled: state.signed_size });
  }
  let done = 0;
  const run = async (worker: Worker): Promise<void> => {
    for (let range = ranges.shift(); range !== undefined; range = ranges.shift()) {
      const result = await askWorker<RangeResult>(worker, range);
      roots.set(result.roots, (range.from / tileWidth) * hashBytes);
      take(result, range.from);
      done += range.to - range.from;
      onProgress?.(done, state.size);
    }
  };
  const count = Math.min(order.threads ?? availableParallelism(), Math.max(1, ranges.length));
  const workers = Array.from(
    { length: count },
    () =>
      new Worker(new URL('./worker.ts', import.meta.url), { name: 'log verify', workerData: { file, dir, lateFrom } }),
  );
  const end = () => Promise.all(workers.map((worker) => worker.terminate()));
  signal?.addEventListener('abort', () => void end(), { once: true });
  try {
    await Promise.all(workers.map(run));
  } finally {
    await end();
  }
  return roots;
}

/** The checkpoint in the database, and that in the folder. */
async function checkNewest({ db, dir, state, keys }: VerifyOrder, root: Buffer, faults: FaultList): Promise<void> {
  const notes = [state.checkpoint, readText(join(dir, 'checkpoint'))];
  for (const [at, note] of notes.entries()) {
    const where = at === 0 ? 'the checkpoint in the database' : 'the checkpoint in the folder of the log';
    if (note === undefined || note === null) continue;
    try {
      const opened = openCheckpoint(note, { log: keys });
      if (opened.size === state.size && !opened.root.equals(root)) faults.push({ what: `${where} is of another tree` });
      // The log may have grown meanwhile.
      const { size } = await readLogState(db);
      if (opened.size > size) faults.push({ what: `${where} is of ${opened.size} leaves, and the log has ${size}` });
    } catch (error) {
      faults.push({ what: `${where} does not hold: ${(error as Error).message}` });
    }
  }
}

/** Records that stand between those of the log and have no leaf: somebody put them there. */
async function checkStrangers(db: Db, state: LogState, known: number, faults: FaultList): Promise<void> {
  const row = await db
    .selectFrom('records')
    .select((eb) => eb.fn.countAll<number>().as('n'))
    .where('position', '<=', state.position)
    .executeTakeFirst();
  if (Number(row?.n ?? 0) === known) return;
  const strangers = await db
    .selectFrom('records')
    .leftJoin('log_leaves', 'log_leaves.position', 'records.position')
    .select(['records.id', 'records.position'])
    .where('records.position', '<=', state.position)
    .where('log_leaves.position', 'is', null)
    .orderBy('records.position')
    .limit(mostFaults)
    .execute();
  for (const { id, position } of strangers) {
    faults.push({
      record: id,
      what: `a record at position ${position} that has no place in the log: it was put there`,
    });
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
