/** A policy version keeps the names of its policies in the order of their numbers, by which grants name them. */
import type { Kysely } from 'kysely';

export async function up(db: Kysely<never>): Promise<void> {
  await db.schema.alterTable('policy_versions').addColumn('names', 'text').execute();
}
