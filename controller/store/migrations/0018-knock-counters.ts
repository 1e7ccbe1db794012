/** The counters of knocks at the controller's door (P25): one memory for all controllers on a store. */
import type { Kysely } from 'kysely';

export async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable('knock_counters')
    .addColumn('key', 'text', (column) => column.primaryKey())
    .addColumn('ceiling', 'bigint', (column) => column.notNull())
    .execute();
}
