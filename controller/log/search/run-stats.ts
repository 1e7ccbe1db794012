/** Sums over what a search finds, by one field or by time. */
import type { SumField } from '#shared/contracts/admin-search.ts';
import type { Db } from '../../store/open-store.ts';
import { type Clause, clausesOf } from './clauses.ts';
import { type Filter, type FilterQuery, readFilter } from './filter.ts';
import { findPlaces, isInside, isOutside } from './find-places.ts';
import type { LogIndex } from './log-index.ts';
import { matches } from './matches.ts';
import { readRecordsAt } from './placed.ts';
import { addPlaces, type Bits, countBits, emptyBits, placesOf } from './position-set.ts';
import { type Field, field } from './terms.ts';

export interface StatsOrder {
  readonly query: FilterQuery;
  readonly by: SumField;
  /** IANA name: whose hours and days. */
  readonly timezone: string;
}

export interface Stats {
  /** Records that the search finds. */
  readonly total: number;
  /** Every value, unordered: an ISO time without zone (`2026-11-20T14`, `2026-11-20`) by hour or day. */
  readonly sums: ReadonlyMap<string, number>;
  /** Of the records found, those that have the field at all. One with several reasons counts for each of them. */
  readonly having: number;
  /** False when the time was over: then it is the newest part alone, since `from`. */
  readonly whole: boolean;
  readonly from?: number;
}

const mostMs = 20_000;
/** All offsets of the world are multiples of it. */
const quarter = 900_000;

export async function runStats(db: Db, index: LogIndex, { query, by, timezone }: StatsOrder): Promise<Stats> {
  const filter = readFilter(query);
  const clauses = clausesOf(filter);
  const until = performance.now() + mostMs;
  const sums = new Map<string, number>();
  const quarters = new Map<number, number>();
  let total = 0;
  let having = 0;
  for (const place of await index.places(false)) {
    const block = await place.open();
    if (isOutside(block, filter.from, filter.to)) continue;
    const isAll = clauses.length === 0 && isInside(block, filter.from, filter.to);
    const among = isAll ? undefined : await findExact(db, place.first, block, clauses, filter);
    if (isAll || among !== undefined) {
      total += among === undefined ? block.head.count : countBits(among);
      if (by === 'hour' || by === 'day') addTimes(quarters, block.times(), among);
      else {
        block.tally(field[by as Field], among, (value, count) => {
          sums.set(value, (sums.get(value) ?? 0) + count);
          having += count;
        });
      }
    }
    if (performance.now() > until) return { total, sums, having, whole: false, from: block.head.minTime };
  }
  if (by === 'hour' || by === 'day') {
    nameTimes(sums, quarters, by, timezone);
    having = total;
  }
  return { total, sums, having, whole: true };
}

async function findExact(
  db: Db,
  first: number,
  block: Parameters<typeof findPlaces>[0],
  clauses: readonly Clause[],
  filter: Filter,
): Promise<Bits | undefined> {
  const found = findPlaces(block, clauses, filter);
  if (found === undefined || clauses.every(({ exact }) => exact)) return found;
  const all = [...placesOf(found, false)];
  const right = emptyBits(block.head.span);
  for (let at = 0; at < all.length; at += 500) {
    const read = await readRecordsAt(
      db,
      all.slice(at, at + 500).map((one) => first + one),
    );
    addPlaces(
      right,
      read.filter(({ record }) => matches(record, filter)).map(({ position }) => position - first),
    );
  }
  return right;
}

function addTimes(quarters: Map<number, number>, times: Float64Array, among: Bits | undefined): void {
  // One after the other they are mostly of the same quarter: the map is asked once for each run of it.
  let current = Number.NaN;
  let run = 0;
  for (let place = 0; place < times.length; place++) {
    const time = times[place]!;
    if (time === 0 || (among !== undefined && ((among[place >>> 5]! >>> (place & 31)) & 1) === 0)) continue;
    const own = Math.floor(time / quarter);
    if (own === current) {
      run += 1;
      continue;
    }
    if (run > 0) quarters.set(current, (quarters.get(current) ?? 0) + run);
    current = own;
    run = 1;
  }
  if (run > 0) quarters.set(current, (quarters.get(current) ?? 0) + run);
}

function nameTimes(sums: Map<string, number>, quarters: ReadonlyMap<number, number>, by: 'hour' | 'day', zone: string) {
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    hourCycle: 'h23',
  });
  for (const [own, count] of [...quarters].sort(([a], [b]) => a - b)) {
    const text = format.format(own * quarter);
    const name = by === 'day' ? text.slice(0, 10) : text.replace(' ', 'T').slice(0, 13);
    sums.set(name, (sums.get(name) ?? 0) + count);
  }
}
