/**
 * The number of the next report. It is on disk before the report that carries it leaves, so that no crash makes a device
 * use one twice. Where there is no file, or a spoiled one, counting starts at the seconds since 1970: above what the device
 * had before, so that a lost file does not silence it. If its clock is wrong as well, `atLeast` helps.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { type Clock, seconds } from '#shared/base/clock.ts';

export interface ReportSequence {
  next(): Promise<number>;
  /** The next number will be higher than `seq`. */
  atLeast(seq: number): void;
}

export function createReportSequence(file: string, clock: Clock): ReportSequence {
  let last: number | undefined;
  let floor = 0;
  let queue: Promise<unknown> = Promise.resolve();
  const step = async (): Promise<number> => {
    const number = Math.max(last ?? (await readLast(file)) ?? Math.max(0, seconds(clock.now())), floor) + 1;
    await writeFile(`${file}.new`, String(number), { mode: 0o600, flush: true });
    await rename(`${file}.new`, file);
    last = number;
    return number;
  };
  return {
    next: () => {
      const turn = queue.then(step, step);
      queue = turn;
      return turn;
    },
    atLeast: (seq) => {
      if (Number.isSafeInteger(seq) && seq < Number.MAX_SAFE_INTEGER) floor = Math.max(floor, seq);
    },
  };
}

async function readLast(file: string): Promise<number | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return /^\d{1,15}$/.test(text.trim()) ? Number(text) : undefined;
}
