/** How large the log is, and how fast it grows. */
import type { Clock } from '#shared/base/clock.ts';
import { day } from '#shared/base/clock.ts';
import { readAnchors } from '../log-anchors/anchor-rows.ts';
import type { Db, Store } from '../store/open-store.ts';
import { knownBy } from './known/known-checkpoints.ts';
import { readKnown } from './known/read-known.ts';
import { findLogState } from './log-state.ts';
import type { SearchDesk } from './search/search-desk.ts';

const sample = 1000;
const lookBack = 7;

export async function measureLog(parts: {
  readonly db: Db;
  readonly searches: Pick<SearchDesk, 'ask' | 'stats'>;
  readonly store: Pick<Store, 'size'>;
  readonly clock: Clock;
}) {
  const { db, searches, store, clock } = parts;
  const { through, last, bytes: indexBytes } = await searches.ask('state', null);
  const timezone = 'UTC';
  const { total } = await searches.stats({ query: {}, by: 'kind', timezone });
  const week = await searches.stats({ query: { from: clock.now() - lookBack * day }, by: 'kind', timezone });
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
    ...(await measureKept(db)),
  };
}

/** What stands elsewhere of the log. */
async function measureKept(db: Db) {
  const { origin = '', size = 0 } = (await findLogState(db)) ?? {};
  const rows = await readAnchors(db);
  const anchors = rows.map((row) => ({
    name: row.name,
    behind: Math.max(0, size - (row.origin === origin ? row.size : 0)),
    ...(row.anchored_at === null ? {} : { anchoredAt: row.anchored_at }),
  }));
  const gateways = await db.selectFrom('gateways').select('id').where('state', '=', 'active').execute();
  const past = new Set((await readKnown(db)).flatMap(({ source, verdict }) => (verdict === 'past' ? [source] : [])));
  return {
    anchors,
    gateways: { all: gateways.length, keep: gateways.filter(({ id }) => past.has(knownBy(id))).length },
  };
}

async function timeOf(db: Db, direction: 'asc' | 'desc'): Promise<number | undefined> {
  const row = await db.selectFrom('records').select('time').orderBy('time', direction).limit(1).executeTakeFirst();
  return row?.time;
}
