/** Searching the access log, newest first, by the columns that are indexed. */
import type { SelectQueryBuilder } from 'kysely';
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { Db } from '../store/open-store.ts';
import type { Tables } from '../store/tables.ts';
import { recordOf } from './record-row.ts';

export interface RecordSearch {
  readonly kind?: string | undefined;
  readonly person?: string | undefined;
  readonly device?: string | undefined;
  readonly app?: string | undefined;
  readonly gateway?: string | undefined;
  readonly verdict?: string | undefined;
  readonly reason?: string | undefined;
  /** Whole, or its first digits, as lists show it. */
  readonly trace?: string | undefined;
  /** Milliseconds, inclusive. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly limit?: number | undefined;
  /** Only what stands before this position: the `next` of an earlier page. */
  readonly before?: number | undefined;
}

const columns = {
  kind: 'kind',
  person: 'person_id',
  device: 'device_id',
  app: 'app_id',
  gateway: 'gateway_id',
  verdict: 'verdict',
  reason: 'reason',
} as const;

type RecordsQuery<O> = SelectQueryBuilder<Tables, 'records', O>;

/** The filters of a search, whatever is read and in whatever order. */
export function narrow<O>(given: RecordsQuery<O>, search: RecordSearch): RecordsQuery<O> {
  let query = given;
  for (const [key, column] of Object.entries(columns)) {
    const value = search[key as keyof typeof columns];
    if (value !== undefined) query = query.where(column, '=', value);
  }
  // A range, not a pattern: the index serves it, and no character of it means anything. Digits end at f.
  if (search.trace !== undefined)
    query = query.where('trace', '>=', search.trace).where('trace', '<', `${search.trace}g`);
  if (search.from !== undefined) query = query.where('time', '>=', search.from);
  if (search.to !== undefined) query = query.where('time', '<=', search.to);
  return query;
}

export async function searchRecords(db: Db, search: RecordSearch): Promise<{ records: AccessRecord[]; next?: number }> {
  const limit = search.limit ?? 50;
  let query = db
    .selectFrom('records')
    .select(['position', 'leaf', 'disclosures'])
    .orderBy('position', 'desc')
    .limit(limit + 1);
  query = narrow(query, search);
  if (search.before !== undefined) query = query.where('position', '<', search.before);
  const rows = await query.execute();
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const records = page.map(recordOf);
  return rows.length > limit && last ? { records, next: last.position } : { records };
}
