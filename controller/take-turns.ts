/** Long work in turns: what takes longer than a few milliseconds lets others have theirs. */
import { setImmediate as nextTurn } from 'node:timers/promises';

const turnMs = 8;

export class Turns {
  readonly #began = performance.now();
  #turnBegan = this.#began;

  get spentMs(): number {
    return performance.now() - this.#began;
  }

  /** Waits for the next turn of the event loop when this one was long enough. */
  async pause(): Promise<void> {
    if (performance.now() - this.#turnBegan < turnMs) return;
    await nextTurn();
    this.#turnBegan = performance.now();
  }
}
