/** Runs one target in a process of its own and judges what that process cannot say of itself: crashes, hangs, memory. */
import { fork } from 'node:child_process';
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
  /** MB a minute over the second half of the run: resident, and held by JavaScript after a collection. */
  readonly slope: { readonly rss: number; readonly held: number } | undefined;
  readonly rss: { readonly first: number; readonly last: number; readonly most: number };
}

type Told =
  | { readonly kind: 'block'; readonly block: number }
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'done'; readonly report: { find: FindReport | undefined; cases: number; seconds: number } };

/** A block takes about a second, shrinking two minutes at most: a process that is silent for longer turns in circles. */
const silenceMs = 180_000;
/** What a run of five minutes or more may grow by, in MB a minute, and no less than this many MB in all. */
const steepest = { held: 1, rss: 3 };
const leastGrowth = 24;
const leastSeconds = 300;

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
  else find ??= growth(samples, slope, broken);
  const megabytes = samples.map(({ rss }) => rss / 2 ** 20);
  return {
    cases: ended.cases,
    seconds: ended.seconds,
    find,
    slope,
    rss: { first: megabytes[0] ?? 0, last: megabytes.at(-1) ?? 0, most: Math.max(0, ...megabytes) },
  };
}

function growth(
  samples: readonly Progress[],
  slope: Watched['slope'],
  broken: (error: string) => FindReport,
): FindReport | undefined {
  const half = samples.slice(Math.floor(samples.length / 2));
  const [first, last] = [half[0], half.at(-1)];
  if (slope === undefined || first === undefined || last === undefined || last.seconds < leastSeconds) return undefined;
  for (const what of ['held', 'rss'] as const) {
    const grown = (last[what] - first[what]) / 2 ** 20;
    if (slope[what] > steepest[what] && grown > leastGrowth)
      return broken(`memory grows: ${what} by ${slope[what].toFixed(1)} MB a minute, ${grown.toFixed(0)} MB in all`);
  }
  return undefined;
}

/** Least squares over the second half: the first is warm-up. */
function slopeOf(samples: readonly Progress[]): Watched['slope'] {
  const half = samples.slice(Math.floor(samples.length / 2));
  if (half.length < 3) return undefined;
  const fit = (pick: (sample: Progress) => number) => {
    const x = half.map(({ seconds }) => seconds / 60);
    const y = half.map((sample) => pick(sample) / 2 ** 20);
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const [mx, my] = [mean(x), mean(y)];
    const top = x.reduce((sum, value, i) => sum + (value - mx) * (y[i]! - my), 0);
    const bottom = x.reduce((sum, value) => sum + (value - mx) ** 2, 0);
    return bottom === 0 ? 0 : top / bottom;
  };
  return { rss: fit(({ rss }) => rss), held: fit(({ held }) => held) };
}
