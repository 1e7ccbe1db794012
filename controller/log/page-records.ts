/** The log in the order of writing, a page at a time: for streams. */
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { Db } from '../store/open-store.ts';
import { recordOf } from './record-row.ts';

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

/** Records behind `after` and up to `through`, of one trace when it is given. */
export async function pageRecords(
  db: Db,
  { trace }: { readonly trace?: string },
  { after, through, limit = pageSize }: { readonly after: number; readonly through: number; readonly limit?: number },
): Promise<RecordPage> {
  let query = db
    .selectFrom('records')
    .select(['position', 'leaf', 'disclosures'])
    .where('position', '>', after)
    .where('position', '<=', through)
    .orderBy('position')
    .limit(limit);
  if (trace !== undefined) query = query.where('trace', '=', trace);
  const rows = await query.execute();
  const records = rows.map((row) => ({ position: row.position, record: recordOf(row) }));
  const last = records.at(-1);
  return records.length === limit && last !== undefined ? { records, next: last.position } : { records };
}

/** 0 for an empty log. */
export async function newestPosition(db: Db): Promise<number> {
  const row = await db.selectFrom('records').select('position').orderBy('position', 'desc').limit(1).executeTakeFirst();
  return row?.position ?? 0;
}
