/**
 * The counter of everything that one installation knocks with. Milliseconds of its clock, or one more than the last where the
 * clock stands or went back: so it goes on after a restart, and after a restore from an old copy, without a write for each knock.
 * A file keeps the number below which all may have been used, for a clock that goes back between two runs.
 */
import { type Clock, minute } from '../../base/clock.ts';
import { knockLeap } from '../../contracts/knock.ts';

export interface CounterFile {
  /** What was last written; undefined when nothing was. */
  read(): string | undefined;
  /** Durable when it returns. */
  write(text: string): void;
}

/** Written this far ahead: one write in ten minutes of knocking. */
const ahead = 10 * minute;

export class KnockCounter {
  readonly #file: CounterFile;
  readonly #clock: Clock;
  #last: number;
  #ceiling: number;

  constructor(file: CounterFile, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
    const kept = Number(file.read() ?? 0);
    this.#ceiling = Number.isSafeInteger(kept) && kept > 0 ? kept : 0;
    this.#last = this.#ceiling;
    // A clock that was years ahead once must not count up to where nothing is left.
    if (this.#ceiling > Number.MAX_SAFE_INTEGER / 2) this.#last = 0;
  }

  /** Higher than every number before. Throws what the file throws when it cannot be kept. */
  next(): number {
    this.#last = Math.max(this.#last + 1, this.#clock.now());
    if (this.#last > this.#ceiling) {
      this.#ceiling = this.#last + ahead;
      this.#file.write(`${this.#ceiling}\n`);
    }
    return this.#last;
  }

  /** A knock met silence: the door may have kept that much ahead when it was killed. */
  leap(): void {
    this.#last += knockLeap;
  }
}
