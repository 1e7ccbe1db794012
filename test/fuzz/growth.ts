/** Whether the memory of a process that goes on doing the same grows. Pure. */
import type { Progress } from './run-blocks.ts';

/** MB a minute over the second half of the run: resident, and held by JavaScript after a collection. */
export interface Slope {
  readonly rss: number;
  readonly held: number;
}

/** What a run of five minutes or more may grow by, in MB a minute, and no less than this many MB in all. */
const steepest: Slope = { held: 1, rss: 3 };
const leastGrowth = 24;
const leastSeconds = 300;

/** A sentence, or undefined. Of each end what was least counts: buffers that wait for their collection come and go, what leaks stays. */
export function growth(samples: readonly Progress[]): string | undefined {
  const half = secondHalf(samples);
  const slope = slopeOf(samples);
  const last = half.at(-1);
  if (slope === undefined || last === undefined || last.seconds < leastSeconds) return undefined;
  const quarter = Math.ceil(half.length / 4);
  for (const what of ['held', 'rss'] as const) {
    const least = (part: readonly Progress[]) => Math.min(...part.map((sample) => sample[what]));
    const grown = (least(half.slice(-quarter)) - least(half.slice(0, quarter))) / 2 ** 20;
    if (slope[what] > steepest[what] && grown > leastGrowth)
      return `memory grows: ${what} by ${slope[what].toFixed(1)} MB a minute, ${grown.toFixed(0)} MB in all`;
  }
  return undefined;
}

/** Least squares; undefined for too few samples. */
export function slopeOf(samples: readonly Progress[]): Slope | undefined {
  const half = secondHalf(samples);
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

/** The first is warm-up. */
const secondHalf = (samples: readonly Progress[]): readonly Progress[] => samples.slice(Math.floor(samples.length / 2));
