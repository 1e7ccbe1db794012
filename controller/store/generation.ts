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

const restoredKey = 'restored_at';

/** What was recorded between the backup and this moment (milliseconds) is not known here. */
export async function noteRestored(trx: Trx, at: number): Promise<void> {
  await trx
    .insertInto('meta')
    .values({ key: restoredKey, value: String(at) })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value: String(at) }))
    .execute();
}

/** Undefined for a store that no backup was put in the place of. */
export async function readRestoredAt(db: Db): Promise<number | undefined> {
  const row = await db.selectFrom('meta').select('value').where('key', '=', restoredKey).executeTakeFirst();
  return row === undefined ? undefined : Number(row.value);
}
