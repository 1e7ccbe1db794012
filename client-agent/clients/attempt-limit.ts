/**
 * How often one source may be wrong. It cannot be guessed right (client-book.ts): what this keeps down is the work and the log
 * lines of a source that keeps trying. A right password is never held up by it, so nobody locks out whom they share an address
 * with.
 */
import { type Clock, minute } from '#shared/base/clock.ts';
import { sourceOf } from '#shared/base/source-of.ts';

/** In a minute, from one source. */
const maxFailures = 10;
/** So that a network of made-up addresses cannot fill the memory: the oldest is forgotten. */
const maxSources = 1024;

interface Failures {
  count: number;
  readonly until: number;
}

export class AttemptLimit {
  readonly #clock: Clock;
  readonly #sources = new Map<string, Failures>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `over`: past the limit. `first`: the first one past it, which is worth a last line in the log. */
  failed(address: string): { readonly over: boolean; readonly first: boolean; readonly waitMs: number } {
    const now = this.#clock.now();
    const source = sourceOf(address);
    let failures = this.#sources.get(source);
    // A clock that was set back must not lock anybody for longer than a minute.
    if (failures === undefined || now >= failures.until || failures.until - now > minute) {
      failures = { count: 0, until: now + minute };
      this.#sources.delete(source);
      this.#sources.set(source, failures);
      if (this.#sources.size > maxSources) this.#sources.delete(this.#sources.keys().next().value!);
    }
    failures.count += 1;
    const { count, until } = failures;
    return { over: count > maxFailures, first: count === maxFailures + 1, waitMs: until - now };
  }
}
