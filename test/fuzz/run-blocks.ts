/** Runs blocks of cases of one target, each with a seed of its own, until time is up or something was found. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { FuzzTarget, OpenTarget } from './target.ts';

export interface Progress {
  readonly block: number;
  /** Of all blocks up to now. */
  readonly cases: number;
  readonly seconds: number;
  /** Bytes, after a collection where one can be asked for. */
  readonly rss: number;
  readonly held: number;
}

export interface FindReport {
  readonly target: string;
  readonly seed: number;
  readonly block: number;
  /** The smallest case that fails, as text. */
  readonly counterexample: string;
  readonly error: string;
}

export interface BlocksOrder {
  readonly seed: number;
  /** The block to begin with; a find names its own. */
  readonly from: number;
  /** No block begins after it. */
  readonly until: (progress: Progress) => boolean;
  readonly onBlock?: (block: number) => void;
  readonly onProgress?: (progress: Progress) => void;
}

/** A case that has not ended by then hangs. */
const caseMs = 60_000;
const shrinkMs = 120_000;

/** Resolves with the find, or undefined and what was done. */
export async function runBlocks(
  target: FuzzTarget,
  order: BlocksOrder,
): Promise<{ find: FindReport | undefined; cases: number; seconds: number }> {
  const begun = performance.now();
  const open = (await target.open()) as unknown as OpenTarget;
  let cases = 0;
  const seconds = () => (performance.now() - begun) / 1000;
  try {
    for (let block = order.from; ; block += 1) {
      order.onBlock?.(block);
      const found = await runBlock(target, open, seedOf(order.seed, target.name, block));
      cases += found.cases;
      if (found.failed !== undefined)
        return { find: { target: target.name, seed: order.seed, block, ...found.failed }, cases, seconds: seconds() };
      globalThis.gc?.();
      const { rss, heapUsed, external } = process.memoryUsage();
      const progress = { block, cases, seconds: seconds(), rss, held: heapUsed + external };
      order.onProgress?.(progress);
      if (order.until(progress)) return { find: undefined, cases, seconds: seconds() };
    }
  } finally {
    await open.close?.();
  }
}

async function runBlock(
  { block, shrinks = true }: FuzzTarget,
  open: OpenTarget,
  seed: number,
): Promise<{ cases: number; failed?: { counterexample: string; error: string } }> {
  const property = fc.asyncProperty(open.cases, async (one) => {
    await inTime(Promise.resolve(open.judge(one)));
  });
  const details = await fc.check(property, {
    seed,
    numRuns: block,
    endOnFailure: !shrinks,
    interruptAfterTimeLimit: shrinkMs,
  });
  if (details.failed && details.counterexample !== null) {
    return {
      cases: details.numRuns,
      failed: { counterexample: show(details.counterexample[0]), error: textOf(details.errorInstance) },
    };
  }
  try {
    if (open.settle !== undefined) await inTime(Promise.resolve(open.settle()));
  } catch (error) {
    return { cases: details.numRuns, failed: { counterexample: 'after the block', error: textOf(error) } };
  }
  return { cases: details.numRuns };
}

async function inTime(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end within ${caseMs} ms`)), caseMs);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The same block has the same cases wherever a run begins. */
function seedOf(seed: number, target: string, block: number): number {
  return createHash('sha256').update(`${seed}/${target}/${block}`).digest().readInt32BE(0);
}

function show(value: unknown): string {
  const text = fc.stringify(value);
  return text.length > 20_000 ? `${text.slice(0, 20_000)}... (${text.length} characters)` : text;
}

const textOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));
