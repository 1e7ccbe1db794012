/**
 * A block of the index: the records of a stretch of positions, and for each term the places where it stands. Small blocks are made
 * as records come; sixteen of them become one large block, so that a term is looked up few times.
 */
import type { Range } from './clauses.ts';
import type { Placed } from './placed.ts';
import { addEncoded, addPlaces, type Bits, countShared, encodePlaces } from './position-set.ts';
import { everyTerm, termsOf } from './terms.ts';

/** Positions in a small block and in a large one: multiples of 32, at most 65,536, the large one of the small. */
export interface Spans {
  readonly small: number;
  readonly large: number;
}
export const usualSpans: Spans = { small: 4096, large: 65_536 };

export interface BlockHead {
  /** A multiple of `span`. */
  readonly first: number;
  readonly span: number;
  /** Records in it. */
  readonly count: number;
  /** Different terms. */
  readonly terms: number;
  /** Of their times; 0 for none. */
  readonly minTime: number;
  readonly maxTime: number;
}

export interface Block {
  readonly head: BlockHead;
  /** Adds the places of all terms in the ranges. */
  add(ranges: readonly Range[], bits: Bits): void;
  /** How many records have one term. */
  countOf(term: string): number;
  /** By value, for terms of one letter: how many records, of those in `among`. */
  tally(letter: string, among: Bits | undefined, add: (value: string, count: number) => void): void;
  /** By place, in milliseconds; 0 where there is no record. */
  times(): Float64Array;
}

/** One that is being made, in memory. */
export class MadeBlock implements Block {
  readonly #first: number;
  readonly #span: number;
  readonly #terms = new Map<string, number[]>();
  readonly #times: Float64Array<ArrayBuffer>;
  #count = 0;
  #minTime = 0;
  #maxTime = 0;

  constructor(first: number, span: number) {
    this.#first = first;
    this.#span = span;
    this.#times = new Float64Array(span);
  }

  get head(): BlockHead {
    return {
      first: this.#first,
      span: this.#span,
      count: this.#count,
      terms: this.#terms.size,
      minTime: this.#minTime,
      maxTime: this.#maxTime,
    };
  }

  /** In the order of their positions. */
  put({ position, record }: Placed): void {
    const place = position - this.#first;
    for (const term of termsOf(record)) this.#place(term, place);
    this.putTime(place, record.time);
  }

  putTime(place: number, time: number): void {
    this.#times[place] = time;
    this.#minTime = this.#count === 0 ? time : Math.min(this.#minTime, time);
    this.#maxTime = this.#count === 0 ? time : Math.max(this.#maxTime, time);
    this.#count += 1;
  }

  #place(term: string, place: number): void {
    const places = this.#terms.get(term);
    if (places === undefined) this.#terms.set(term, [place]);
    else places.push(place);
  }

  add(ranges: readonly Range[], bits: Bits): void {
    for (const range of ranges) {
      const alone = oneTerm(range);
      if (alone !== undefined) addPlaces(bits, this.#terms.get(alone) ?? []);
      else for (const [term, places] of this.#terms) if (isIn(term, range)) addPlaces(bits, places);
    }
  }

  countOf(term: string): number {
    return this.placesOf(term).length;
  }

  /** Ascending. */
  placesOf(term: string): readonly number[] {
    return this.#terms.get(term) ?? [];
  }

  terms(): Iterable<string> {
    return this.#terms.keys();
  }

  tally(letter: string, among: Bits | undefined, add: (value: string, count: number) => void): void {
    for (const [term, places] of this.#terms) {
      if (!term.startsWith(letter)) continue;
      const count =
        among === undefined ? places.length : places.filter((at) => (among[at >>> 5]! >>> (at & 31)) & 1).length;
      if (count > 0) add(term.slice(1), count);
    }
  }

  times(): Float64Array<ArrayBuffer> {
    return this.#times;
  }

  /** Terms in ascending order, each with its count and its places, encoded. */
  *rows(): Generator<[term: string, count: number, places: Uint8Array]> {
    for (const term of [...this.#terms.keys()].sort()) {
      const places = this.#terms.get(term)!;
      yield [term, places.length, encodePlaces(places, this.#span)];
    }
  }
}

/** Of a range that is one term alone. */
export const oneTerm = (range: Range): string | undefined =>
  'low' in range && range.low === range.high ? range.low : undefined;

const isIn = (term: string, range: Range): boolean =>
  'prefix' in range ? term.startsWith(range.prefix) : term >= range.low && term <= range.high;

/** What a block in a file is read through. */
export interface TermReader {
  get(first: number, term: string): { readonly n: number; readonly places: Uint8Array } | undefined;
  some(first: number, terms: readonly string[]): Iterable<{ readonly places: Uint8Array }>;
  range(
    first: number,
    range: Range,
  ): Iterable<{ readonly term: string; readonly n: number; readonly places: Uint8Array }>;
  counts(first: number, letter: string): Iterable<{ readonly term: string; readonly n: number }>;
  count(first: number, term: string): number;
  /** Throws `IndexDamaged` where there are not so many. */
  times(first: number, span: number): Float64Array;
}

export class KeptBlock implements Block {
  readonly head: BlockHead;
  readonly #terms: TermReader;

  constructor(head: BlockHead, terms: TermReader) {
    this.head = head;
    this.#terms = terms;
  }

  add(ranges: readonly Range[], bits: Bits): void {
    const { first } = this.head;
    const alone = ranges.flatMap((range) => oneTerm(range) ?? []);
    if (alone.length > 0) for (const { places } of this.#terms.some(first, alone)) addEncoded(bits, places);
    for (const range of ranges) {
      if (oneTerm(range) !== undefined) continue;
      for (const { places } of this.#terms.range(first, range)) addEncoded(bits, places);
    }
  }

  countOf(term: string): number {
    return term === everyTerm ? this.head.count : this.#terms.count(this.head.first, term);
  }

  tally(letter: string, among: Bits | undefined, add: (value: string, count: number) => void): void {
    const { first } = this.head;
    if (among === undefined) {
      for (const { term, n } of this.#terms.counts(first, letter)) add(term.slice(1), n);
      return;
    }
    for (const { term, places } of this.#terms.range(first, { prefix: letter })) {
      const count = countShared(among, places);
      if (count > 0) add(term.slice(1), count);
    }
  }

  times(): Float64Array {
    return this.#terms.times(this.head.first, this.head.span);
  }
}
