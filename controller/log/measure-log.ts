/** How large the log is, and how fast it grows. */
import type { Clock } from '#shared/base/clock.ts';
import { day } from '#shared/base/clock.ts';
import type { Db, Store } from '../store/open-store.ts';
import type { SearchDesk } from './search/search-desk.ts';

const sample = 1000;
const lookBack = 7;

export async function measureLog(parts: {
  readonly db: Db;
  readonly searches: Pick<SearchDesk, 'ask'>;
  readonly store: Pick<Store, 'size'>;
  readonly clock: Clock;
}) {
  const { db, searches, store, clock } = parts;
  const { through, last, bytes: indexBytes } = await searches.ask('state', null);
  const timezone = 'UTC';
  const { total } = await searches.ask('stats', { query: {}, by: 'kind', timezone });
  const week = await searches.ask('stats', { query: { from: clock.now() - lookBack * day }, by: 'kind', timezone });
  const { bytes } = await db
    .selectFrom(
      db
        .selectFrom('records')
        .select(({ fn }) => [
          fn<number>('length', ['leaf']).as('leaf'),
          fn<number>('length', ['disclosures']).as('told'),
        ])
        .orderBy('position', 'desc')
        .limit(sample)
        .as('newest'),
    )
    .select(({ fn, eb }) => fn.avg<number | null>(eb('leaf', '+', eb.ref('told'))).as('bytes'))
    .executeTakeFirstOrThrow();
  const [oldest, newest] = await Promise.all([timeOf(db, 'asc'), timeOf(db, 'desc')]);
  const recordBytes = Math.round(Number(bytes ?? 0));
  // A log of two days grows by what two days brought.
  const days = oldest === undefined ? 1 : Math.min(lookBack, Math.max(1, (clock.now() - oldest) / day));
  const recordsADay = Math.round(week.total / days);
  return {
    records: total,
    databaseBytes: store.size(),
    indexBytes,
    recordBytes,
    ...(oldest === undefined ? {} : { oldest }),
    ...(newest === undefined ? {} : { newest }),
    recordsADay,
    bytesADay: recordsADay * recordBytes,
    unindexed: Math.max(0, last - through),
  };
}

async function timeOf(db: Db, direction: 'asc' | 'desc'): Promise<number | undefined> {
  const row = await db.selectFrom('records').select('time').orderBy('time', direction).limit(1).executeTakeFirst();
  return row?.time;
}
