/** Makes records unreadable, as a hand at the database or a failing disk would. */
import type { Db } from '../../../controller/store/open-store.ts';

export const spoil = (db: Db, id: string, change: { leaf?: string; disclosures?: string } = { leaf: 'no record' }) =>
  db.updateTable('records').set(change).where('id', '=', id).execute();

/** The id of what was appended last. */
export async function newestId(db: Db): Promise<string> {
  const row = await db
    .selectFrom('records')
    .select('id')
    .orderBy('position', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow();
  return row.id;
}
