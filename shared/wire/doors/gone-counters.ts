/**
 * Counters of keys that are no longer in force: kept as long as a knock of theirs could still be in time should the key come back,
 * then forgotten, so that a door that sees new sessions every day does not grow for ever.
 */
import { type Clock, minute, steadyOf, systemClock } from '../../base/clock.ts';
import type { FileReplayMemory } from './replay-memory.ts';

const lookMs = minute;

export class GoneCounters {
  readonly #memory: Pick<FileReplayMemory, 'keys' | 'forget'>;
  readonly #afterMs: number;
  readonly #steady: Clock;
  /** Since when each is missing. */
  readonly #missing = new Map<string, number>();
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** `afterMs`: far more than twice the time within which a knock is good at this door. */
  constructor(
    memory: Pick<FileReplayMemory, 'keys' | 'forget'>,
    afterMs: number,
    steady: Clock = steadyOf(systemClock),
  ) {
    this.#memory = memory;
    this.#afterMs = afterMs;
    this.#steady = steady;
  }

  /** To be called often: looks once a minute. `inForce` is asked for the ids then. */
  look(inForce: () => Iterable<string>): void {
    const now = this.#steady.now();
    if (now - this.#lookedAt < lookMs) return;
    this.#lookedAt = now;
    const known = new Set(inForce());
    for (const key of known) this.#missing.delete(key);
    for (const key of this.#memory.keys()) if (!known.has(key) && !this.#missing.has(key)) this.#missing.set(key, now);
    const isOver = (key: string) => now - (this.#missing.get(key) ?? now) >= this.#afterMs;
    this.#memory.forget(isOver);
    for (const key of [...this.#missing.keys()]) if (isOver(key)) this.#missing.delete(key);
  }
}
