/**
 * Where the questions of API clients are judged: one after the other, a few milliseconds in each turn of the event loop however
 * many calls are open, and by turns of who asks (P27). Each call alone would take its few milliseconds of the same turn.
 */

import { Turns } from '../take-turns.ts';
import type { DecisionPoint } from './decision-point.ts';

type Work = () => Promise<unknown>;

export class Workbench {
  /** In the order in which their next piece is due. */
  readonly #waiting = new Map<string, Work[]>();
  readonly #turns = new Turns();
  #running = false;

  /** `client`: whose piece of work it is. */
  take<T>(client: string, work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const own = this.#waiting.get(client) ?? [];
      own.push(() => work().then(resolve, reject));
      this.#waiting.set(client, own);
      if (this.#running) return;
      this.#running = true;
      void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    for (;;) {
      // First: what came one by one within this turn is part of it.
      await this.#turns.pause();
      const [next] = this.#waiting;
      if (next === undefined) break;
      const [client, [work, ...others]] = next;
      this.#waiting.delete(client);
      if (others.length > 0) this.#waiting.set(client, others);
      await work?.();
    }
    this.#running = false;
  }
}

/** The same point, each of whose questions is one piece of work. */
export function inTurns(point: DecisionPoint, take: <T>(work: () => Promise<T>) => Promise<T>): DecisionPoint {
  return {
    evaluate: (asked) => take(async () => point.evaluate(asked)),
    async *candidates(search, after) {
      for await (const { cursor, test } of point.candidates(search, after))
        yield { cursor, test: () => take(async () => test()) };
    },
  };
}
