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
  /** Only what lies before this position, which a block begins with: where the part before this one ended. */
  readonly before?: number | undefined;
  /** Milliseconds, after which it ends with the block it is at; unbounded unless told. */
  readonly forMs?: number | undefined;
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
  /** Where to go on. */
  readonly next?: number;
}

/** All offsets of the world are multiples of it. */
const quarter = 900_000;

export async function runStats(db: Db, index: LogIndex, order: StatsOrder): Promise<Stats> {
  const { query, by, timezone, before = Number.POSITIVE_INFINITY, forMs = Number.POSITIVE_INFINITY } = order;
  const filter = readFilter(query);
  const clauses = clausesOf(filter);
  const until = performance.now() + forMs;
  const sums = new Map<string, number>();
  const quarters = new Map<number, number>();
  let total = 0;
  let having = 0;
  let cut: Pick<Stats, 'from' | 'next'> | undefined;
  for (const place of await index.places(false)) {
    if (place.first >= before) continue;
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
    if (performance.now() > until && place.first > 0) {
      cut = { from: block.head.minTime, next: place.first };
      break;
    }
  }
  if (by === 'hour' || by === 'day') {
    nameTimes(sums, quarters, by, timezone);
    having = total;
  }
  return { total, sums, having, whole: cut === undefined, ...cut };
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

/** Two parts of the same sums, the second of what lies before the first. */
export function addStats(a: Stats, b: Stats): Stats {
  const sums = new Map(a.sums);
  for (const [value, count] of b.sums) sums.set(value, (sums.get(value) ?? 0) + count);
  return { ...b, total: a.total + b.total, having: a.having + b.having, sums };
}
