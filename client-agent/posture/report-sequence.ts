/**
 * The number of the next report. It is on disk before the report that carries it leaves, so that no crash makes a device
 * use one twice. A lost or spoiled file starts at 1, which the controller refuses with the last number it knows:
 * `atLeast` takes that up.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';

export interface ReportSequence {
  next(): Promise<number>;
  /** The next number will be higher than `seq`. */
  atLeast(seq: number): void;
}

export function createReportSequence(file: string): ReportSequence {
  let last: number | undefined;
  let floor = 0;
  let queue: Promise<unknown> = Promise.resolve();
  const step = async (): Promise<number> => {
    const number = Math.max(last ?? (await readLast(file)), floor) + 1;
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

async function readLast(file: string): Promise<number> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
  return /^\d{1,15}$/.test(text.trim()) ? Number(text) : 0;
}
