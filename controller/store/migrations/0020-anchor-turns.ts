/** When the next checkpoint may go to a place outside: whoever finds the time come moves it on, so that one of several controllers goes. */
import type { Kysely } from 'kysely';

export async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .alterTable('log_anchors' as never)
    .addColumn('next_at', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
}
