/**
 * What comes and goes thousands of times a second, in no order.
 *
 * A Set or Map would do, but for how V8 grows them: every few dozen changes their table is replaced, and each old table leads
 * to the next one. Once one of them is old enough, all that ever stood in the later ones outlives the quick collections.
 * In the gateway that was a quarter of the processor time of a request.
 */
export interface Placed {
  /** For the bag only: where it stands there; -1 outside. */
  place: number;
}

export class Bag<T extends Placed> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  add(item: T): void {
    item.place = this.#items.push(item) - 1;
  }

  /** False when it is not there. */
  delete(item: T): boolean {
    const { place } = item;
    if (this.#items[place] !== item) return false;
    const last = this.#items.pop()!;
    if (last !== item) {
      this.#items[place] = last;
      last.place = place;
    }
    item.place = -1;
    return true;
  }

  /** As of now: what is done with one may remove it. */
  all(): T[] {
    return this.#items.slice();
  }
}
