/** One page of a search, and how many records it finds in all; both within a time, and where that ends they say so. */
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { Db } from '../../store/open-store.ts';
import { type Clause, clausesOf } from './clauses.ts';
import { type Filter, type FilterQuery, readFilter } from './filter.ts';
import { countAlone, findPlaces } from './find-places.ts';
import type { LogIndex } from './log-index.ts';
import { matches } from './matches.ts';
import { type Placed, readRecordsAt } from './placed.ts';
import { countBits, placesOf } from './position-set.ts';

export interface SearchOrder {
  readonly query: FilterQuery;
  /** Else the newest first. */
  readonly oldest?: boolean | undefined;
  /** Where the page before ended: only what lies behind it, in the direction of the search. */
  readonly after?: number | undefined;
  /** Nothing above this position. */
  readonly through?: number | undefined;
  readonly limit: number;
  /** Whether to count all that is found. */
  readonly count: boolean;
  /** Milliseconds for the page, and for the count; the usual ones unless told. */
  readonly forMs?: number | undefined;
}

export interface Found {
  readonly records: { readonly position: number; readonly record: AccessRecord }[];
  /** Where to go on; absent at the end of the log. */
  readonly next?: number;
  /** The time was over before the page was full: how far it came, in milliseconds of the last record looked at. */
  readonly stoppedAt?: number;
  readonly total?: { readonly count: number; readonly exact: boolean };
}

/** Milliseconds: others wait meanwhile, as one thread searches for all. */
const pageMs = 1000;
const countMs = 150;
const mostCompared = 2000;

export async function runSearch(db: Db, index: LogIndex, order: SearchOrder): Promise<Found> {
  const filter = readFilter(order.query);
  const clauses = clausesOf(filter);
  const page = await findPage(db, index, filter, clauses, order);
  if (!order.count) return page;
  return { ...page, total: await countAll(db, index, filter, clauses, order.forMs) };
}

async function findPage(
  db: Db,
  index: LogIndex,
  filter: Filter,
  clauses: readonly Clause[],
  { oldest = false, after, through = Number.MAX_SAFE_INTEGER, limit, forMs = pageMs }: SearchOrder,
): Promise<Found> {
  const until = performance.now() + forMs;
  const found: Placed[] = [];
  const isWanted = (position: number): boolean =>
    position <= through && (after === undefined || (oldest ? position > after : position < after));
  for (const place of await index.places(oldest)) {
    const { first, end } = place;
    // Nothing of it is, when not even the place of it that is nearest to what is wanted.
    if (!isWanted(oldest ? Math.max(first, Math.min(end - 1, through)) : first)) continue;
    const block = await place.open();
    const bits = findPlaces(block, clauses, filter);
    if (bits !== undefined) {
      const positions = placesOf(bits, !oldest);
      for (;;) {
        const wanted = take(positions, Math.max(limit + 1 - found.length, 16), (at) => isWanted(first + at));
        if (wanted.length === 0) break;
        const read = await readRecordsAt(
          db,
          wanted.map((at) => first + at),
        );
        read.sort((a, b) => (oldest ? a.position - b.position : b.position - a.position));
        found.push(...read.filter(({ record }) => matches(record, filter)));
        if (found.length > limit) {
          const records = found.slice(0, limit);
          return { records, next: records.at(-1)!.position };
        }
        const last = read.at(-1);
        if (performance.now() > until && last !== undefined)
          return { records: found, next: last.position, stoppedAt: last.record.time };
      }
    }
    if (performance.now() > until) {
      const stoppedAt = oldest ? block.head.maxTime : block.head.minTime;
      return { records: found, next: oldest ? end - 1 : first, stoppedAt };
    }
  }
  return { records: found };
}

function take(places: Iterator<number>, most: number, isWanted: (place: number) => boolean): number[] {
  const taken: number[] = [];
  for (let next = places.next(); next.done !== true; next = places.next()) {
    if (isWanted(next.value)) taken.push(next.value);
    if (taken.length >= Math.min(most, 500)) break;
  }
  return taken;
}

/** Where the index alone does not know, records are read, but not for ever. */
async function countAll(
  db: Db,
  index: LogIndex,
  filter: Filter,
  clauses: readonly Clause[],
  forMs = countMs,
): Promise<NonNullable<Found['total']>> {
  const until = performance.now() + forMs;
  const exact = clauses.every((clause) => clause.exact);
  let count = 0;
  let compared = 0;
  for (const place of await index.places(false)) {
    const block = await place.open();
    const alone = exact ? countAlone(block, clauses, filter) : undefined;
    if (alone !== undefined) count += alone;
    else {
      const bits = findPlaces(block, clauses, filter);
      if (bits !== undefined && exact) count += countBits(bits);
      else if (bits !== undefined) {
        const positions = placesOf(bits, true);
        for (;;) {
          const wanted = take(positions, 500, () => true);
          if (wanted.length === 0) break;
          if (compared >= mostCompared || performance.now() > until) return { count, exact: false };
          compared += wanted.length;
          const read = await readRecordsAt(
            db,
            wanted.map((at) => place.first + at),
          );
          count += read.filter(({ record }) => matches(record, filter)).length;
        }
      }
    }
    if (performance.now() > until && place.first > 0) return { count, exact: false };
  }
  return { count, exact: true };
}
