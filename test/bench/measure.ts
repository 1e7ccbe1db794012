/** What a benchmark is, and its arithmetic: several rounds, the median told, never asserted. */

export interface Result {
  /** What was measured, as one line of the table. */
  readonly what: string;
  readonly measured: string;
  /** Beside what, in the same run. */
  readonly beside?: string;
}

/** What `main.ts` gives each benchmark. */
export interface Run {
  /** A line of progress, on standard error. */
  readonly tell: (line: string) => void;
  /** What must be ended or removed, whatever happens: last one first, on success, failure and Ctrl-C alike. */
  readonly defer: (end: () => unknown) => void;
  /** A directory of its own, removed afterwards. */
  readonly dir: string;
}

export interface Bench {
  readonly name: string;
  readonly about: string;
  /** Programs it cannot do without. */
  readonly needs?: readonly Program[];
  readonly run: (run: Run) => Promise<readonly Result[]>;
}

export type Program = 'taskset' | 'nginx' | 'haproxy' | 'nft' | 'ip' | 'tcpdump' | 'fwknopd' | 'fwknop' | 'iptables';

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

/**
 * Operations in a second of processor time, all threads counted: what one core that does nothing else would do at least.
 * Unlike the clock, it does not count the time that other processes take.
 */
export async function perCpuSecond(operations: number, work: () => Promise<void> | void): Promise<number> {
  const began = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(began);
  return (operations * 1e6) / (user + system);
}

/** The compiler works at the code of the gateway for about as long, in threads that are counted too. */
const warmUps = 5;

/**
 * The contenders in turn, round after round, so that whatever else the machine does meets all of them alike; each round
 * begins with another one. Rounds count from 1; those before, in which compilers and caches warm up, are left out.
 * Returns the samples by contender, in the order of the rounds.
 */
export async function interleaved<Name extends string, Sample>(
  names: readonly Name[],
  rounds: number,
  measure: (name: Name, round: number) => Promise<Sample>,
): Promise<Record<Name, Sample[]>> {
  const samples = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, Sample[]>;
  for (let round = 1 - warmUps; round <= rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(round + warmUps + turn) % names.length]!;
      const sample = await measure(name, round);
      if (round > 0) samples[name].push(sample);
    }
  }
  return samples;
}

/** Median of the ratios of samples that were taken side by side. */
export function medianRatio(values: readonly number[], beside: readonly number[]): number {
  return median(values.map((value, index) => value / beside[index]!));
}

export const whole = (value: number): string => Math.round(value).toLocaleString('en');
export const times = (value: number): string => `${value.toFixed(2)} x`;
