/**
 * Compares the index with the records, a block now and then, round after round: whoever changes its file hides a record from searches for as
 * long as one round takes. In the thread that searches.
 */
import { type BlockResult, IndexChecker } from './index-checker.ts';
import type { LogPlace, Looked, LookOrder, Mended } from './search-tasks.ts';

export class IndexRounds {
  readonly #place: LogPlace;
  #checker: IndexChecker | undefined;
  #current: { readonly block: number; readonly steps: Generator<void, BlockResult | undefined> } | undefined;

  constructor(place: LogPlace) {
    this.#place = place;
  }

  /** `wrong`: what is to be made anew. */
  look({ after, forMs }: LookOrder): Looked & { readonly wrong?: Mended } {
    const until = performance.now() + forMs;
    this.#checker ??= new IndexChecker(this.#place.file);
    if (this.#current === undefined) {
      const { blocks, faults } = this.#checker.layout(this.#place.log);
      if (faults.length > 0) return { done: true, wrong: { faults, more: 0 } };
      const block = nextOf(
        blocks.map(({ first }) => first),
        after,
      );
      if (block === undefined) return { done: true };
      this.#current = { block, steps: this.#checker.check(block) };
    }
    const { block, steps } = this.#current;
    do {
      const { done, value } = steps.next();
      if (done !== true) continue;
      this.#current = undefined;
      if (value === undefined || value.faults.length === 0) return { done, block };
      return { done, block, wrong: { block, faults: value.faults, more: value.more } };
    } while (performance.now() < until);
    return { done: false };
  }

  /** The file is another one from now on. */
  close(): void {
    this.#current = undefined;
    this.#checker?.close();
    this.#checker = undefined;
  }
}

/** After the last comes the first. */
function nextOf(blocks: readonly number[], after: number): number | undefined {
  if (after > 0 && after < 1) return blocks[Math.floor(after * blocks.length)];
  return blocks.find((first) => first > after) ?? blocks[0];
}
