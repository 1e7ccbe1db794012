/**
 * Knocking at a server whose operator may put a door in front of it, or take it away, after we were told (the controller): where
 * one way meets silence, the other is tried. A plain greeting to a hidden server tells it nothing and gets nothing.
 */
import type { KnockSource } from './dial-through.ts';

export class TurningKnock {
  readonly #source: () => KnockSource | undefined;
  #isHidden: boolean;

  /** `source` is asked at every connection; undefined when nothing to knock with was ever given. */
  constructor(isHidden: boolean, source: () => KnockSource | undefined) {
    this.#isHidden = isHidden;
    this.#source = source;
  }

  /** For `makeDispatcher`. */
  readonly knock = (): KnockSource | undefined => (this.#isHidden ? this.#source() : undefined);

  /** For `makeDispatcher`: it met silence. True when there is another way. */
  readonly turn = (): boolean => {
    if (this.#source() === undefined) return false;
    this.#isHidden = !this.#isHidden;
    return true;
  };
}
