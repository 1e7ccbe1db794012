/** The log in the order of writing, a page at a time: for exports and streams. */
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { Db } from '../store/open-store.ts';
import { recordOf } from './record-row.ts';
import { narrow, type RecordSearch } from './search-records.ts';

export interface PlacedRecord {
  readonly position: number;
  readonly record: AccessRecord;
}

export interface RecordPage {
  readonly records: PlacedRecord[];
  /** Where to go on; absent when nothing is left up to `through`. */
  readonly next?: number;
}

const pageSize = 500;

/** Records behind `after` and up to `through` that are looked for. */
export async function pageRecords(
  db: Db,
  search: RecordSearch,
  { after, through, limit = pageSize }: { readonly after: number; readonly through: number; readonly limit?: number },
): Promise<RecordPage> {
  const query = db
    .selectFrom('records')
    .select(['position', 'leaf', 'disclosures'])
    .where('position', '>', after)
    .where('position', '<=', through)
    .orderBy('position')
    .limit(limit);
  const rows = await narrow(query, search).execute();
  const records = rows.map((row) => ({ position: row.position, record: recordOf(row) }));
  const last = records.at(-1);
  return records.length === limit && last !== undefined ? { records, next: last.position } : { records };
}

/** 0 for an empty log. */
export async function newestPosition(db: Db): Promise<number> {
  const row = await db.selectFrom('records').select('position').orderBy('position', 'desc').limit(1).executeTakeFirst();
  return row?.position ?? 0;
}
