/** The generation of the edge-2 stream (P13): change numbers are ordered within it; a restore starts another (P35). */
import { randomId } from '#shared/base/bytes.ts';
import type { Db, Trx } from './open-store.ts';

const key = 'generation';

/** The current one; a store that has none gets one. */
export async function openGeneration(db: Db): Promise<string> {
  return db.transaction().execute(async (trx) => (await findGeneration(trx)) ?? startGeneration(trx));
}

export async function findGeneration(db: Db): Promise<string | undefined> {
  return (await db.selectFrom('meta').select('value').where('key', '=', key).executeTakeFirst())?.value;
}

export async function startGeneration(trx: Trx): Promise<string> {
  const value = `gen_${randomId()}`;
  await trx
    .insertInto('meta')
    .values({ key, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute();
  return value;
}
