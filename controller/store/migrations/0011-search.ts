/**
 * The index of search is a file of its own, made from the log: what is changed in the log afterwards (pruning, erasing) is told to it by
 * stretches of positions.
 */
import type { Kysely } from 'kysely';

export async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable('records_changed')
    .addColumn('n', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('first', 'bigint', (column) => column.notNull())
    .addColumn('last', 'bigint', (column) => column.notNull())
    .execute();
}
