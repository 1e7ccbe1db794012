/** Tokens that let a browser in once, at one host, within 30 s (P30). In memory only: what is lost was never used. */
import { randomSecret, sha256 } from '#shared/base/bytes.ts';
import { type Clock, second } from '#shared/base/clock.ts';

export const tokenLifeMs = 30 * second;
/** More than that are not waiting for a person; the oldest gives way. */
const maxWaiting = 64;

interface Waiting {
  readonly host: string;
  readonly to: string;
  readonly until: number;
}

export class OneTimeTokens {
  readonly #clock: Clock;
  /** By hash: a look-up by the secret itself would tell by its time how much of it is right. */
  readonly #waiting = new Map<string, Waiting>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `to`: where the browser goes afterwards, on that host. */
  issue(host: string, to: string): string {
    const token = randomSecret(32);
    if (this.#waiting.size >= maxWaiting) this.#waiting.delete(this.#waiting.keys().next().value as string);
    this.#waiting.set(hashOf(token), { host, to, until: this.#clock.now() + tokenLifeMs });
    return token;
  }

  /** Where to go, or undefined. A token is spent by whoever shows it, at whatever host. */
  take(token: string, host: string): string | undefined {
    const hash = hashOf(token);
    const found = this.#waiting.get(hash);
    this.#waiting.delete(hash);
    if (found === undefined || found.host !== host || this.#clock.now() >= found.until) return undefined;
    return found.to;
  }
}

function hashOf(token: string): string {
  return sha256(token).toString('hex');
}
