/**
 * When a record that a gateway told arrived, beside the time that it has by the gateway's word; from when on a gateway can still have records;
 * and what of that word was doubted, by gateway.
 */
import type { Kysely } from 'kysely';

export async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .alterTable('records' as never)
    .addColumn('arrived', 'bigint')
    .execute();
  for (const name of ['records_through', 'restored_through', 'restored_at'])
    await db.schema
      .alterTable('gateways' as never)
      .addColumn(name, 'bigint', (column) => column.notNull().defaultTo(0))
      .execute();
  let doubts = db.schema
    .createTable('gateway_doubts')
    .addColumn('n', 'integer', (column) => column.primaryKey().autoIncrement());
  for (const name of ['gateway_id', 'event', 'sums'])
    doubts = doubts.addColumn(name, 'text', (column) => column.notNull());
  for (const name of ['first_time', 'last_time', 'first_arrived', 'last_arrived', 'told_at'])
    doubts = doubts.addColumn(name, 'bigint', (column) => column.notNull());
  await doubts.addColumn('record', 'text').execute();
  await db.schema
    .createIndex('gateway_doubts_told')
    .on('gateway_doubts')
    .columns(['gateway_id', 'event', 'told_at'])
    .execute();
}
