/**
 * How many sources one key lets in at a kernel door. Each takes a place in the kernel's set and in memory, and whoever holds a key can
 * write source addresses into its datagrams at will: without a bound one device could fill the door for all (P27). Only knocks whose
 * counter was accepted are asked about, which nobody but the holder can write: it bounds nobody else.
 */
import { type Clock, second, steadyOf, systemClock } from '../../base/clock.ts';

/** As long as a source is let in at most. */
const windowMs = 30 * second;
/** More than a device has addresses while it changes networks. */
export const maxSourcesOfKey = 64;

export class SourcesOfKey {
  readonly #steady: Clock;
  readonly #keys = new Map<string, { readonly sources: Set<string>; isTold: boolean }>();
  #begun = Number.NEGATIVE_INFINITY;

  constructor(steady: Clock = steadyOf(systemClock)) {
    this.#steady = steady;
  }

  /** `full` is told once in each window. */
  take(key: string, source: string): 'in' | 'full' | 'still-full' {
    const now = this.#steady.now();
    if (now - this.#begun >= windowMs) {
      this.#begun = now;
      this.#keys.clear();
    }
    const own = this.#keys.get(key) ?? { sources: new Set(), isTold: false };
    this.#keys.set(key, own);
    if (own.sources.has(source)) return 'in';
    if (own.sources.size < maxSourcesOfKey) {
      own.sources.add(source);
      return 'in';
    }
    const said = own.isTold ? 'still-full' : 'full';
    own.isTold = true;
    return said;
  }
}
