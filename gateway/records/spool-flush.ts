/**
 * Brings to the disk what was written to a spool, within 20 ms and all of that time at once. A disk that takes writes and cannot keep them takes no
 * records: while the last flush has failed, no access is given (P24).
 */
import { fdatasync } from 'node:fs';
import type { Log } from '#shared/base/log.ts';

const flushMs = 20;

export class SpoolFlush {
  readonly #log: Log;
  readonly #fd: () => number;
  #timer: NodeJS.Timeout | undefined;
  #hasFailed = false;

  /** `fd`: asked when it is time; a segment that was left meanwhile is flushed by who left it. */
  constructor(log: Log, fd: () => number) {
    this.#log = log;
    this.#fd = fd;
  }

  /** Why nothing may be opened now. */
  get refusal(): string | undefined {
    return this.#hasFailed ? 'the spool cannot be flushed to the disk' : undefined;
  }

  plan(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      fdatasync(this.#fd(), (error) => this.#onFlushed(error));
    }, flushMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #onFlushed(error: NodeJS.ErrnoException | null): void {
    // Closed meanwhile.
    if (error?.code === 'EBADF') return;
    this.#hasFailed = error !== null;
    if (error) this.#log.error({ err: error }, 'the spool cannot be flushed');
  }
}
