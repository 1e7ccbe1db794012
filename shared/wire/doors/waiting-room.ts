/**
 * Those who have not shown yet that they belong here, bounded for each source and for all (P27). Where a bound is reached the
 * oldest of the source that has the most gives way: a bound that turned the newest away would let one stranger with idle
 * connections keep everybody else out.
 */
import { plainAddress } from '../../base/plain-address.ts';
import { sourceOf } from '../../base/source-of.ts';

export interface SourceLimits {
  readonly perSource: number;
  readonly total: number;
}

export class WaitingRoom<T> {
  readonly #limits: SourceLimits;
  readonly #giveWay: (one: T) => void;
  readonly #sources = new Map<string, Set<T>>();
  readonly #sourceOf = new Map<T, string>();

  constructor(limits: SourceLimits, giveWay: (one: T) => void) {
    this.#limits = limits;
    this.#giveWay = giveWay;
  }

  get size(): number {
    return this.#sourceOf.size;
  }

  all(): IterableIterator<T> {
    return this.#sourceOf.keys();
  }

  enter(one: T, address: string | undefined): void {
    const source = sourceOf(plainAddress(address ?? 'unknown'));
    const own = this.#sources.get(source) ?? new Set();
    this.#sources.set(source, own.add(one));
    this.#sourceOf.set(one, source);
    if (own.size > this.#limits.perSource) this.#oldestOf(own);
    else if (this.size > this.#limits.total) this.#oldestOf(this.#largest());
  }

  /** True when it was here. */
  leave(one: T): boolean {
    const source = this.#sourceOf.get(one);
    if (source === undefined) return false;
    this.#sourceOf.delete(one);
    const own = this.#sources.get(source);
    own?.delete(one);
    if (own?.size === 0) this.#sources.delete(source);
    return true;
  }

  #oldestOf(own: ReadonlySet<T>): void {
    const [oldest] = own;
    if (oldest === undefined) return;
    // Before its end says so: of many that come in one turn each must find another to replace.
    this.leave(oldest);
    this.#giveWay(oldest);
  }

  #largest(): ReadonlySet<T> {
    return [...this.#sources.values()].reduce((most, next) => (next.size > most.size ? next : most));
  }
}
