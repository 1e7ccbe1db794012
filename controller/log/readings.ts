/** Which readings of the log are one: pages of a search, looks of somebody who follows. Each counts as new again after a while. */
import type { Clock } from '#shared/base/clock.ts';

const most = 10_000;

export class Readings {
  readonly #clock: Clock;
  readonly #known = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `forMs`: how long a reading that is known stands for this one too. */
  isNew(reader: string, what: unknown, forMs: number): boolean {
    const now = this.#clock.now();
    const key = JSON.stringify([reader, what]);
    const before = this.#known.get(key);
    if (before !== undefined && now - before < forMs) return false;
    // Forgetting costs a record more, nothing else.
    if (this.#known.size >= most) this.#known.clear();
    this.#known.set(key, now);
    return true;
  }
}
