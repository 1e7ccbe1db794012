/** Grants for one use (P18): that they are, and at which gateway. */
import type { Kysely } from 'kysely';

export async function up(db: Kysely<never>): Promise<void> {
  const grants = () => db.schema.alterTable('grants' as never);
  await grants()
    .addColumn('use', 'text', (column) => column.notNull().defaultTo('many'))
    .execute();
  await grants().addColumn('gateway_id', 'text').execute();
}
