/** Access reviews: what was frozen when they began, and what reviewers decided. */
import type { Kysely } from 'kysely';

export async function up(db: Kysely<never>): Promise<void> {
  let reviews = db.schema.createTable('reviews').addColumn('name', 'text', (column) => column.primaryKey().notNull());
  for (const name of ['state', 'scope', 'digest', 'created_by'])
    reviews = reviews.addColumn(name, 'text', (column) => column.notNull());
  for (const name of ['epoch', 'started_at', 'due'])
    reviews = reviews.addColumn(name, 'bigint', (column) => column.notNull());
  await reviews.addColumn('about', 'text').addColumn('closed_by', 'text').addColumn('closed_at', 'bigint').execute();
  let rows = db.schema.createTable('review_rows');
  for (const name of ['review', 'person_id', 'app_id', 'held', 'digest'])
    rows = rows.addColumn(name, 'text', (column) => column.notNull());
  for (const name of ['salt', 'reviewer', 'decision', 'reason', 'decided_by']) rows = rows.addColumn(name, 'text');
  for (const name of ['last_used', 'since', 'decided_at']) rows = rows.addColumn(name, 'bigint');
  await rows
    .addColumn('n', 'integer', (column) => column.notNull())
    .addColumn('by_default', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('review_rows_key', ['review', 'n'] as never)
    .execute();
  await db.schema.createIndex('review_rows_reviewer').on('review_rows').column('reviewer').execute();
  await db.schema.createIndex('review_rows_person').on('review_rows').column('person_id').execute();
}
