/** The log in the order of writing, a page at a time: for streams. */
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { Db } from '../store/open-store.ts';
import { recordOf } from './record-row.ts';

export interface PlacedRecord {
  readonly position: number;
  readonly record: AccessRecord;
}

/** Records behind `after` and up to `through`. */
export async function pageRecords(
  db: Db,
  { after, through, limit }: { readonly after: number; readonly through: number; readonly limit: number },
): Promise<PlacedRecord[]> {
  const rows = await db
    .selectFrom('records')
    .select(['position', 'leaf', 'disclosures'])
    .where('position', '>', after)
    .where('position', '<=', through)
    .orderBy('position')
    .limit(limit)
    .execute();
  return rows.map((row) => ({ position: row.position, record: recordOf(row) }));
}

/** 0 for an empty log. */
export async function newestPosition(db: Db): Promise<number> {
  const row = await db.selectFrom('records').select('position').orderBy('position', 'desc').limit(1).executeTakeFirst();
  return row?.position ?? 0;
}
