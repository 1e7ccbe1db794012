/** Drafts that run beside the version in force, and where they disagree with it. */
import type { Kysely } from 'kysely';

export async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable('shadow_runs')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('files', 'text', (column) => column.notNull())
    .addColumn('by', 'text', (column) => column.notNull())
    .addColumn('started_at', 'bigint', (column) => column.notNull())
    .addColumn('ends_at', 'bigint', (column) => column.notNull())
    .addColumn('ended_at', 'bigint')
    .addColumn('ended_because', 'text')
    .addColumn('judged', 'bigint', (column) => column.notNull())
    .addColumn('disagreed', 'bigint', (column) => column.notNull())
    .addColumn('undetermined', 'bigint', (column) => column.notNull())
    .addColumn('failed', 'bigint', (column) => column.notNull())
    .addColumn('missed', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('shadow_disagreements')
    .addColumn('run', 'text', (column) => column.notNull())
    .addColumn('direction', 'text', (column) => column.notNull())
    .addColumn('person_id', 'text', (column) => column.notNull())
    .addColumn('app_id', 'text', (column) => column.notNull())
    .addColumn('reason', 'text', (column) => column.notNull())
    .addColumn('policies', 'text', (column) => column.notNull())
    .addColumn('count', 'bigint', (column) => column.notNull())
    .addColumn('first_at', 'bigint', (column) => column.notNull())
    .addColumn('last_at', 'bigint', (column) => column.notNull())
    .addColumn('trace', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('shadow_disagreements_key', [
      'run',
      'direction',
      'person_id',
      'app_id',
      'reason',
      'policies',
    ] as never[])
    .execute();
}
