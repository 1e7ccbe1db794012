/** The order of the log as a tree: one row of state, one small row for each leaf, and the keys that sign checkpoints. */
import type { Kysely } from 'kysely';

export async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable('log_state')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('number', 'integer', (column) => column.notNull())
    .addColumn('origin', 'text', (column) => column.notNull())
    .addColumn('size', 'bigint', (column) => column.notNull())
    .addColumn('root', 'text', (column) => column.notNull())
    .addColumn('edge', 'text', (column) => column.notNull())
    .addColumn('position', 'bigint', (column) => column.notNull())
    .addColumn('checkpoint', 'text')
    .addColumn('signed_size', 'bigint', (column) => column.notNull())
    .addColumn('held', 'text')
    .execute();
  await db.schema
    .createTable('log_leaves')
    .addColumn('leaf_index', 'integer', (column) => column.primaryKey())
    .addColumn('position', 'bigint', (column) => column.notNull().unique())
    .addColumn('hash', 'blob', (column) => column.notNull())
    .addColumn('pruned', 'integer', (column) => column.notNull().defaultTo(0))
    .execute();
  await db.schema
    .createTable('log_keys')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('origin', 'text', (column) => column.notNull())
    .addColumn('public_key', 'text', (column) => column.notNull())
    .addColumn('sealed', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute();
}
