/** Streams of the log to SIEMs: targets, how far each has come, and what was put aside. */
import type { Kysely } from 'kysely';

export async function up(db: Kysely<never>): Promise<void> {
  let streams = db.schema.createTable('log_streams').addColumn('name', 'text', (column) => column.primaryKey());
  for (const name of ['kind', 'format', 'settings', 'sealed', 'state', 'created_by', 'lease_by'])
    streams = streams.addColumn(name, 'text', (column) => column.notNull());
  for (const name of ['position', 'delivered', 'set_aside', 'created_at', 'lease_until'])
    streams = streams.addColumn(name, 'bigint', (column) => column.notNull());
  await streams
    .addColumn('until', 'bigint')
    .addColumn('delivered_at', 'bigint')
    .addColumn('set_aside_at', 'bigint')
    .execute();
  await db.schema
    .createTable('log_stream_asides')
    .addColumn('n', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('stream', 'text', (column) => column.notNull())
    .addColumn('first', 'bigint', (column) => column.notNull())
    .addColumn('last', 'bigint', (column) => column.notNull())
    .addColumn('ids', 'text', (column) => column.notNull())
    .addColumn('count', 'integer', (column) => column.notNull())
    .addColumn('why', 'text', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .execute();
}
