/** Much data that is cheap to make and to check: a tape of random bytes whose period fits no buffer size. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';

export const mib = 1024 * 1024;
const period = 65_521;
const loops = 66;
const tape = Buffer.concat(
  Array.from(
    { length: loops },
    (
      (one) => () =>
        one
    )(randomBytes(period)),
  ),
);
const piece = 256 * 1024;

/** What stands at `offset`; at most `piece` bytes of it. */
const at = (offset: number, size: number): Buffer => {
  const begin = offset % period;
  return tape.subarray(begin, begin + Math.min(size, piece));
};

/** Writes `total` bytes with back-pressure; `onWritten` is told how many so far. Ends early with the stream. */
export async function writeTape(
  to: Writable,
  total: number,
  onWritten: (bytes: number) => void = () => {},
): Promise<void> {
  for (let offset = 0; offset < total && !to.destroyed; ) {
    const chunk = at(offset, total - offset);
    offset += chunk.length;
    const isFull = !to.write(chunk);
    onWritten(offset);
    if (isFull && !to.destroyed) await hasRoom(to);
  }
  to.end();
}

function hasRoom(to: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      to.off('drain', done);
      to.off('close', done);
      resolve();
    };
    to.on('drain', done);
    to.on('close', done);
  });
}

/** How many bytes came; throws at the first that is not as it was written. */
export async function readTape(from: Readable): Promise<number> {
  let offset = 0;
  for await (const chunk of from as AsyncIterable<Buffer>) {
    for (let done = 0; done < chunk.length; ) {
      const want = at(offset + done, chunk.length - done);
      if (!want.equals(chunk.subarray(done, done + want.length)))
        throw new Error(`wrong bytes behind ${offset + done}`);
      done += want.length;
    }
    offset += chunk.length;
  }
  return offset;
}

/** Resident memory in MiB (proc_pid_status(5)). */
export function residentMib(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  if (kib === undefined) throw new Error(`process ${pid} has ended`);
  return Number(kib) / 1024;
}

/** The most that each process held until `stop`, in MiB. */
export function watchMemory(pids: readonly number[]): { stop(): number[] } {
  const most = pids.map(residentMib);
  const timer = setInterval(() => {
    for (const [i, pid] of pids.entries()) most[i] = Math.max(most[i]!, residentMib(pid));
  }, 20);
  return {
    stop() {
      clearInterval(timer);
      return most;
    },
  };
}

/** Until a count stands still for half a second: every buffer on the way is full. */
export async function untilFull(count: () => number): Promise<number> {
  for (let still = 0, last = -1; still < 10; ) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    still = count() === last && last > 0 ? still + 1 : 0;
    last = count();
  }
  return count();
}
