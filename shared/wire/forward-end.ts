/** How the one who forwards is told that it has ended: by a call, or by a promise for those who want one. */
import type { ForwardOutcome } from './forward-types.ts';

/** A promise for each of tens of thousands of requests a second costs more than what is done at their end. */
export class End {
  readonly #onEnd: ((outcome: ForwardOutcome) => void) | undefined;
  #outcome: ForwardOutcome | undefined;
  #asked: PromiseWithResolvers<ForwardOutcome> | undefined;

  constructor(onEnd: ((outcome: ForwardOutcome) => void) | undefined) {
    this.#onEnd = onEnd;
  }

  get promise(): Promise<ForwardOutcome> {
    if (this.#asked === undefined) {
      this.#asked = Promise.withResolvers();
      if (this.#outcome !== undefined) this.#asked.resolve(this.#outcome);
    }
    return this.#asked.promise;
  }

  /** Once. */
  tell(outcome: ForwardOutcome): void {
    this.#outcome = outcome;
    this.#asked?.resolve(outcome);
    this.#onEnd?.(outcome);
  }
}
