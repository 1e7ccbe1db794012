/** What doors need: when gateways were told of a session's knock key, and what stands in front of each gateway. */
import type { Kysely } from 'kysely';

export async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .alterTable('sessions' as never)
    .addColumn('knock_n', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
  await db.schema
    .alterTable('gateways' as never)
    .addColumn('door', 'text', (column) => column.notNull().defaultTo('none'))
    .execute();
}
