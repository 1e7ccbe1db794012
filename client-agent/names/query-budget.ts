/** How many queries one account of this machine may ask in a second, so that a loop of one program is no load for the agent. */
import { type Clock, second } from '#shared/base/clock.ts';

const perSecond = 500;
/** More accounts do not ask on one machine; the oldest is forgotten. */
const maxAccounts = 64;

interface Spent {
  since: number;
  count: number;
}

export class QueryBudget {
  readonly #clock: Clock;
  readonly #spent = new Map<string, Spent>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** False: over. An account has a budget of its own, so that none starves another (P27). */
  take(account: string): boolean {
    const now = this.#clock.now();
    let spent = this.#spent.get(account);
    // A clock that was set back starts anew.
    if (spent === undefined || now - spent.since >= second || now < spent.since) {
      spent = { since: now, count: 0 };
      this.#spent.delete(account);
      this.#spent.set(account, spent);
      if (this.#spent.size > maxAccounts) this.#spent.delete(this.#spent.keys().next().value!);
    }
    spent.count += 1;
    return spent.count <= perSecond;
  }
}
