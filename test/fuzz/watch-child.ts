/** Runs one target in a process of its own and judges what that process cannot say of itself: crashes, hangs, memory. */
import { fork } from 'node:child_process';
import { growth, type Slope, slopeOf } from './growth.ts';
import type { FindReport, Progress } from './run-blocks.ts';

export interface WatchOrder {
  readonly target: string;
  readonly seed: number;
  readonly from: number;
  readonly seconds: number;
  /** Instead of a time, when above 0: this many blocks, or blocks until there were this many cases. */
  readonly blocks: number;
  readonly cases: number;
  readonly onProgress: (progress: Progress) => void;
}

export interface Watched {
  readonly cases: number;
  readonly seconds: number;
  readonly find: FindReport | undefined;
  readonly slope: Slope | undefined;
  readonly rss: { readonly first: number; readonly last: number; readonly most: number };
}

type Told =
  | { readonly kind: 'block'; readonly block: number }
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'done'; readonly report: { find: FindReport | undefined; cases: number; seconds: number } };

/** A block takes about a second, shrinking two minutes at most: a process that is silent for longer turns in circles. */
const silenceMs = 180_000;
export async function watchTarget(order: WatchOrder): Promise<Watched> {
  const { target, seed, from, seconds, blocks, cases } = order;
  const args = [target, seed, from, seconds, blocks, cases].map(String);
  const child = fork(new URL('./child.ts', import.meta.url), args, {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => (stderr = (stderr + chunk).slice(-8000)));
  const samples: Progress[] = [];
  let block = from;
  let done: (Told & { kind: 'done' })['report'] | undefined;
  let hung = false;
  let timer: NodeJS.Timeout;
  const watch = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      hung = true;
      child.kill('SIGKILL');
    }, silenceMs);
  };
  watch();
  child.on('message', (told: Told) => {
    watch();
    if (told.kind === 'block') block = told.block;
    if (told.kind === 'progress') {
      samples.push(told.progress);
      order.onProgress(told.progress);
    }
    if (told.kind === 'done') done = told.report;
  });
  const how = await new Promise<string>((resolve) => {
    child.once('close', (code, signal) => resolve(signal ?? `code ${code}`));
  });
  clearTimeout(timer!);
  const last = samples.at(-1);
  const broken = (error: string): FindReport => ({
    target,
    seed,
    block,
    counterexample: 'somewhere in the block',
    error,
  });
  const ended = done ?? { find: undefined, cases: last?.cases ?? 0, seconds: last?.seconds ?? 0 };
  const slope = slopeOf(samples);
  let { find } = ended;
  if (hung) find = broken(`the process was silent for ${silenceMs / 1000} s: it hangs`);
  else if (done === undefined) find = broken(`the process ended with ${how}\n${stderr}`);
  else {
    const grown = growth(samples);
    if (grown !== undefined) find ??= broken(grown);
  }
  const megabytes = samples.map(({ rss }) => rss / 2 ** 20);
  return {
    cases: ended.cases,
    seconds: ended.seconds,
    find,
    slope,
    rss: { first: megabytes[0] ?? 0, last: megabytes.at(-1) ?? 0, most: Math.max(0, ...megabytes) },
  };
}
