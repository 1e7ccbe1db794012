/** What the services listener needs: API clients, and the policy stores that they may ask. */
import type { Kysely } from 'kysely';

export async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable('api_clients')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('token_hash', 'text', (column) => column.notNull().unique())
    .addColumn('former_hash', 'text', (column) => column.unique())
    .addColumn('former_ends_at', 'bigint')
    .addColumn('scopes', 'text', (column) => column.notNull())
    .addColumn('created_by', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('ends_at', 'bigint', (column) => column.notNull())
    .addColumn('last_used_at', 'bigint')
    .execute();
  await db.schema
    .createTable('policy_stores')
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('version', 'bigint', (column) => column.notNull())
    .addColumn('files', 'text', (column) => column.notNull())
    .addColumn('policies', 'integer', (column) => column.notNull())
    .addColumn('entities', 'integer', (column) => column.notNull())
    .addColumn('has_schema', 'integer', (column) => column.notNull())
    .addColumn('by', 'text', (column) => column.notNull())
    .addColumn('message', 'text', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('in_force', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('policy_stores_key', ['name', 'version'])
    .execute();
}
