/** What replay needs: the way from an access to the record of its grant. */
import type { Kysely } from 'kysely';

export async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .alterTable('records' as never)
    .addColumn('grant_id', 'text')
    .execute();
  await db.schema
    .createIndex('records_by_grant_id')
    .on('records' as never)
    .columns(['grant_id'] as never)
    .where('grant_id' as never, 'is not', null)
    .execute();
}
