/**
 * How long records stay, what was pruned under which record, and legal holds. A leaf whose record went says by which pruning. Snapshots of
 * facts go when no record rests on them any more, for which they say when they were last used.
 */
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable('retention')
    .addColumn('kind', 'text', (column) => column.primaryKey())
    .addColumn('age', 'bigint')
    .addColumn('set_at', 'bigint', (column) => column.notNull())
    .execute();
  let prunings = db.schema
    .createTable('prunings')
    .addColumn('n', 'integer', (column) => column.primaryKey().autoIncrement());
  for (const name of ['cause', 'rules', 'kinds', 'holds', 'begun'])
    prunings = prunings.addColumn(name, 'text', (column) => column.notNull());
  for (const name of ['log', 'after', 'through', 'removed', 'leaves', 'began_at'])
    prunings = prunings.addColumn(name, 'bigint', (column) => column.notNull());
  for (const name of ['first_leaf', 'last_leaf', 'first_time', 'last_time', 'ended_at'])
    prunings = prunings.addColumn(name, 'bigint');
  await prunings.addColumn('record', 'text').execute();
  await db.schema
    .createTable('legal_holds')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull().unique())
    .addColumn('person_id', 'text')
    .addColumn('device_id', 'text')
    .addColumn('app_id', 'text')
    .addColumn('trace', 'text')
    .addColumn('from_time', 'bigint')
    .addColumn('to_time', 'bigint')
    .addColumn('because', 'text', (column) => column.notNull())
    .addColumn('created_by', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema
    .alterTable('fact_snapshots' as never)
    .addColumn('last_at', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
  // Of those that are there nobody knows: as if each had been used by the newest record.
  await sql`UPDATE fact_snapshots SET last_at = coalesce((SELECT max(time) FROM records), 0)`.execute(db);
}
