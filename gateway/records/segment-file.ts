/** The segment that a writer writes to: whole lines and nothing else, as far as the disk allows. */
import { ftruncateSync, writeSync } from 'node:fs';
import type { Log } from '#shared/base/log.ts';

const newline = 10;

export class SegmentFile {
  readonly fd: number;
  readonly #log: Log;
  #length: number;
  /** What a failed write left in the file could not be cut off yet. */
  #isTorn = false;

  /** `length`: bytes that stand in it. */
  constructor(fd: number, length: number, log: Log) {
    this.fd = fd;
    this.#length = length;
    this.#log = log;
  }

  get length(): number {
    return this.#length;
  }

  /**
   * Returns how many of the bytes stand in the file now, and if not all, why. Whole lines do: one torn by a full disk would hide every line after it. A line
   * that stood there stays, for whoever delivers may have read it, and its numbers must not be given out again.
   */
  append(bytes: Buffer): { readonly taken: number; readonly error?: unknown } {
    let written = 0;
    try {
      if (this.#isTorn) this.#cutOff();
      while (written < bytes.length) written += writeSync(this.fd, bytes, written);
      this.#length += written;
      return { taken: written };
    } catch (error) {
      const taken = bytes.subarray(0, written).lastIndexOf(newline) + 1;
      this.#length += taken;
      this.#isTorn = true;
      this.#tryCutOff();
      return { taken, error };
    }
  }

  /** Throws when the disk does not even take that; then nothing is written before it does. */
  #cutOff(): void {
    ftruncateSync(this.fd, this.#length);
    this.#isTorn = false;
  }

  #tryCutOff(): void {
    try {
      this.#cutOff();
    } catch (error) {
      this.#log.error({ err: error }, 'a torn line of the spool cannot be cut off yet');
    }
  }
}
