/** Records by their trace, through the index of the database: as new as the log itself. */
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { Db } from '../store/open-store.ts';
import { readColumns, readRow } from './read-row.ts';

/** `trace`: whole, or its first digits. The newest first, of one trace or of several that begin alike; what cannot be read has something in its place. */
export async function readTrace(db: Db, trace: string, limit: number): Promise<AccessRecord[]> {
  const rows = await db
    .selectFrom('records')
    .select([...readColumns])
    // A range, not a pattern: the index serves it, and no character of it means anything. Digits end at f.
    .where('trace', '>=', trace)
    .where('trace', '<', `${trace}g`)
    .orderBy('position', 'desc')
    .limit(limit)
    .execute();
  return rows.map((row) => readRow(row).record);
}
