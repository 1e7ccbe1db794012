/** Policy versions keep their tests; drafts wait for a second administrator. */
import type { Kysely } from 'kysely';

export async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .alterTable('policy_versions')
    .addColumn('tests', 'text', (column) => column.notNull().defaultTo('[]'))
    .execute();
  // Unknown for versions that are older than this.
  await db.schema.alterTable('policy_versions').addColumn('policies', 'integer').execute();
  await db.schema
    .createTable('policy_drafts')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('files', 'text', (column) => column.notNull())
    .addColumn('tests', 'text', (column) => column.notNull())
    .addColumn('by', 'text', (column) => column.notNull())
    .addColumn('message', 'text', (column) => column.notNull())
    .addColumn('because', 'text')
    .addColumn('base_epoch', 'bigint', (column) => column.notNull())
    .addColumn('policies', 'integer', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('ends_at', 'bigint', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('decided_by', 'text')
    .addColumn('decided_at', 'bigint')
    .addColumn('epoch', 'bigint')
    .execute();
  await db.schema.createIndex('policy_drafts_by_state').on('policy_drafts').columns(['state']).execute();
}
