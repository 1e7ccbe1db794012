/**
 * Whether the index of search finds what the records say: blocks made anew out of the records, in threads, and compared. What the index knows
 * is in no tree: an edited file of it hides a record from searches, and from nothing else. Reads only.
 */
import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { IndexFault, IndexVerdict } from '#shared/contracts/admin-proofs.ts';
import { type BlockResult, IndexChecker } from '../search/index-checker.ts';
import { indexOf } from '../search/index-file.ts';
import type { Mended } from '../search/search-tasks.ts';
import { askWorker } from './ask-worker.ts';
import { mostFaults } from './fault-list.ts';

export interface IndexOrder {
  /** Of the database. */
  readonly file: string;
  /** What names the log (`generation`). */
  readonly log: string;
  readonly share: 'sample' | 'whole';
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
  readonly threads?: number;
}

/** Blocks of a sample: of a log of a million these are all. */
export const sampled = 16;

/** `wrong`: what of it must be made anew. */
export async function verifyIndex(order: IndexOrder): Promise<{ verdict: IndexVerdict; wrong: Mended[] }> {
  const none = { blocks: 0, compared: 0, records: 0, through: 0, faults: [], more: 0, mended: false };
  // It is made when there is something to search: everything is read without it.
  if (!existsSync(indexOf(order.file))) return { verdict: none, wrong: [] };
  const checker = new IndexChecker(order.file);
  const { through, blocks, faults: whole } = checker.layout(order.log);
  checker.close();
  const chosen =
    whole.length > 0
      ? []
      : choose(
          blocks.map(({ first }) => first),
          order.share,
        );
  const results = await compareBlocks(order, chosen);
  const wrong: Mended[] = whole.length === 0 ? [] : [{ faults: whole, more: 0 }];
  const faults: IndexFault[] = [...whole];
  let more = 0;
  let records = 0;
  let compared = 0;
  for (const [block, result] of [...results].sort(([a], [b]) => a - b)) {
    if (result === null) continue;
    compared += 1;
    records += result.records;
    faults.push(...result.faults);
    more += result.more;
    if (result.faults.length > 0) wrong.push({ block, faults: result.faults, more: result.more });
  }
  more += Math.max(0, faults.length - mostFaults);
  const verdict = {
    ...none,
    blocks: blocks.length,
    compared,
    records,
    through,
    faults: faults.slice(0, mostFaults),
    more,
  };
  return { verdict, wrong };
}

/** The newest is always among them. */
function choose(blocks: readonly number[], share: 'sample' | 'whole'): number[] {
  const left = [...blocks];
  if (share === 'whole' || left.length <= sampled) return left;
  const chosen = [left.pop()!];
  while (chosen.length < sampled) chosen.push(...left.splice(randomInt(left.length), 1));
  return chosen;
}

async function compareBlocks(
  { file, signal, onProgress, threads }: IndexOrder,
  blocks: readonly number[],
): Promise<Map<number, BlockResult | null>> {
  const results = new Map<number, BlockResult | null>();
  const left = [...blocks];
  const count = Math.min(threads ?? availableParallelism(), left.length);
  const script = new URL('./index-worker.ts', import.meta.url);
  const workers = Array.from(
    { length: count },
    () => new Worker(script, { name: 'index verify', workerData: { file } }),
  );
  const end = () => Promise.all(workers.map((worker) => worker.terminate()));
  signal?.addEventListener('abort', () => void end(), { once: true });
  const run = async (worker: Worker): Promise<void> => {
    for (let block = left.shift(); block !== undefined; block = left.shift()) {
      results.set(block, await askWorker<BlockResult | null>(worker, block));
      onProgress?.(results.size, blocks.length);
    }
  };
  try {
    await Promise.all(workers.map(run));
  } finally {
    await end();
  }
  return results;
}
