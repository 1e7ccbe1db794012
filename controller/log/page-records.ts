/** The log in the order of writing, a page at a time: for streams. */
import { sql } from 'kysely';
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { Db } from '../store/open-store.ts';
import { readColumns, readRow, type Unreadable } from './read-row.ts';

export interface PlacedRecord {
  readonly position: number;
  readonly record: AccessRecord;
}

export interface PageOrder {
  readonly after: number;
  readonly through: number;
  /** At most so many, and of so many bytes as they are stored, but for one that has more by itself. */
  readonly limit: number;
  readonly bytes: number;
}

/** Records behind `after` and up to `through`; where one is `unreadable` what stands in for it. `more`: it ended for its limits, and not for want of records. */
export async function pageRecords(
  db: Db,
  { after, through, limit, bytes }: PageOrder,
): Promise<{ records: PlacedRecord[]; more: boolean; unreadable: Unreadable[] }> {
  const sizes = await between(db, after, through)
    .select(['position', sql<number>`octet_length(leaf) + octet_length(disclosures)`.as('bytes')])
    .limit(limit)
    .execute();
  if (sizes.length === 0) return { records: [], more: false, unreadable: [] };
  let fit = 0;
  for (let sum = 0; fit < sizes.length; fit += 1) {
    sum += sizes[fit]!.bytes;
    if (sum > bytes && fit > 0) break;
  }
  const last = sizes[fit - 1]!.position;
  const rows = await between(db, after, last)
    .select([...readColumns])
    .execute();
  const read = rows.map((row) => ({ position: row.position, ...readRow(row) }));
  const records = read.map(({ position, record }) => ({ position, record }));
  const unreadable = read.flatMap((one) => one.unreadable ?? []);
  return { records, unreadable, more: fit < sizes.length || sizes.length === limit };
}

const between = (db: Db, after: number, through: number) =>
  db.selectFrom('records').where('position', '>', after).where('position', '<=', through).orderBy('position');

/** 0 for an empty log. */
export async function newestPosition(db: Db): Promise<number> {
  const row = await db.selectFrom('records').select('position').orderBy('position', 'desc').limit(1).executeTakeFirst();
  return row?.position ?? 0;
}
