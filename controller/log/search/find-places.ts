/** The places of a block that a search asks for: what the index knows of it, exact but for clauses that say they are not. */
import { type Block, oneTerm } from './block.ts';
import type { Clause, Range } from './clauses.ts';
import type { Filter } from './filter.ts';
import { addPlaces, type Bits, emptyBits, intersect, placesOf } from './position-set.ts';
import { everyTerm } from './terms.ts';

const every: Range = { low: everyTerm, high: everyTerm };

/** Undefined when there are none. */
export function findPlaces(block: Block, clauses: readonly Clause[], { from, to }: Filter): Bits | undefined {
  const { span } = block.head;
  if (isOutside(block, from, to)) return undefined;
  let found: Bits | undefined;
  for (const { ranges } of clauses.length === 0 ? [{ ranges: [every] }] : clauses) {
    const bits = emptyBits(span);
    block.add(ranges, bits);
    if (found !== undefined && !intersect(found, bits)) return undefined;
    found ??= bits;
  }
  if (found === undefined || isInside(block, from, to)) return found;
  const times = block.times();
  const inTime: number[] = [];
  for (const place of placesOf(found, false)) {
    const time = times[place]!;
    if (time >= from && time <= to) inTime.push(place);
  }
  if (inTime.length === 0) return undefined;
  found.fill(0);
  addPlaces(found, inTime);
  return found;
}

export const isOutside = ({ head }: Block, from: number, to: number): boolean =>
  head.count === 0 || head.maxTime < from || head.minTime > to;
export const isInside = ({ head }: Block, from: number, to: number): boolean =>
  head.minTime >= from && head.maxTime <= to;

/** Without a look at the places, where one number of the block says it; else undefined. */
export function countAlone(block: Block, clauses: readonly Clause[], { from, to }: Filter): number | undefined {
  if (isOutside(block, from, to)) return 0;
  if (!isInside(block, from, to)) return undefined;
  if (clauses.length === 0) return block.head.count;
  const [range, ...others] = clauses[0]!.ranges;
  const term = range === undefined ? undefined : oneTerm(range);
  return clauses.length > 1 || others.length > 0 || term === undefined ? undefined : block.countOf(term);
}
