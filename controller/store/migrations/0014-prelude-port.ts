/** The port of a gateway that has the prelude door alone, as it last said; 0 for none. */
import type { Kysely } from 'kysely';

export async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .alterTable('gateways' as never)
    .addColumn('prelude_port', 'integer', (column) => column.notNull().defaultTo(0))
    .execute();
}
