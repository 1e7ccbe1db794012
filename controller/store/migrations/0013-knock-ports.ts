/** Where a gateway's kernel door takes knocks, as it last said: UDP ports with commas between; empty for none. */
import type { Kysely } from 'kysely';

export async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .alterTable('gateways' as never)
    .addColumn('knock_ports', 'text', (column) => column.notNull().defaultTo(''))
    .execute();
}
