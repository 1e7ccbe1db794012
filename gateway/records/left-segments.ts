/** Segments that their writer left: each gets a last line that says so, without which it stays where it is after its delivery. */
import { closeSync, fdatasync, ftruncateSync, writeSync } from 'node:fs';
import type { Log } from '#shared/base/log.ts';
import { encodeLine } from './spool-format.ts';

export interface LeftSegment {
  readonly fd: number;
  /** Bytes up to the end of its last record. */
  readonly length: number;
  /** How many of them are refusals. */
  readonly denials: number;
  /** Its last number. */
  readonly last: number;
}

export class LeftSegments {
  readonly #log: Log;
  /** Those that could not be marked yet: the disk took nothing. */
  readonly #unmarked: LeftSegment[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  add(segment: LeftSegment): void {
    this.#unmarked.push(segment);
  }

  /** Marks what can be marked, in order; the rest at the next call. */
  mark(): void {
    while (this.#unmarked.length > 0) {
      const { fd, length, ...rest } = this.#unmarked[0]!;
      try {
        ftruncateSync(fd, length);
        const line = Buffer.from(encodeLine({ left: true, ...rest }));
        if (writeSync(fd, line) < line.length) throw new Error('the disk took a part of a line');
      } catch (error) {
        this.#log.error({ err: error }, 'a segment of the spool could not be left in order');
        return;
      }
      this.#unmarked.shift();
      fdatasync(fd, (error) => {
        if (error) this.#log.error({ err: error }, 'the spool cannot be flushed');
        closeSync(fd);
      });
    }
  }

  /** What cannot be marked now is for recovery. */
  stop(): void {
    this.mark();
    for (const { fd } of this.#unmarked) closeSync(fd);
  }
}
