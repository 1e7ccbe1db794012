/** Timing for benchmarks: several runs, the median told, never asserted. */

export interface Result {
  /** What was measured, as one line of the table. */
  readonly what: string;
  readonly measured: string;
  /** Beside what, in the same run. */
  readonly beside?: string;
}

export interface Bench {
  readonly name: string;
  readonly about: string;
  readonly run: () => Promise<readonly Result[]>;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Runs `work` `rounds` times after one round to warm up; returns the median of operations a second. */
export async function perSecond(operations: number, work: () => Promise<void> | void, rounds = 5): Promise<number> {
  const rates: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const began = performance.now();
    await work();
    if (round > 0) rates.push((operations * 1000) / (performance.now() - began));
  }
  return median(rates);
}

export const whole = (value: number): string => Math.round(value).toLocaleString('en');
export const times = (value: number): string => `${value.toFixed(2)} x`;
