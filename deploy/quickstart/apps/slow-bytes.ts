/** A download of any size, as fast as the reader takes it or at a fixed rate. */
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

const chunkSize = 64 * 1024;
const chunk = Buffer.alloc(chunkSize, 'All work and no play makes a dull download.\n');

/** @param bytesPerSecond 0 is as fast as it goes; else sent in ten even portions a second. */
export function streamBytes(total: number, bytesPerSecond: number): Readable {
  return Readable.from(makeBytes(total, bytesPerSecond), { objectMode: false });
}

async function* makeBytes(total: number, bytesPerSecond: number): AsyncGenerator<Buffer> {
  const portion = bytesPerSecond === 0 ? chunkSize : Math.max(1, Math.min(chunkSize, Math.round(bytesPerSecond / 10)));
  for (let left = total; left > 0; left -= portion) {
    yield chunk.subarray(0, Math.min(portion, left));
    // A timer that is not waited for at exit: the connection, not the pause, keeps a download alive.
    if (bytesPerSecond > 0) await sleep((portion / bytesPerSecond) * 1000, undefined, { ref: false });
  }
}
