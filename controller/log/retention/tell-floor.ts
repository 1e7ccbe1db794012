/** The floor of retention is set in the configuration, by whoever has the host: that it was changed is on record, at the start that brings it. */
import type { Log } from '#shared/base/log.ts';
import type { Db } from '../../store/open-store.ts';
import { appendRecord } from '../append-record.ts';

/** In `meta`: the floor of the last start, in milliseconds. */
const key = 'retention_floor';

/** A disk that takes nothing lets the controller start all the same; it is told at the next one. */
export async function tellFloor(db: Db, at: number, floor: number, log: Log): Promise<void> {
  const write = db.transaction().execute(async (trx) => {
    const row = await trx.selectFrom('meta').select('value').where('key', '=', key).executeTakeFirst();
    const before = row === undefined ? undefined : Number(row.value);
    if (before === floor) return;
    const value = String(floor);
    await trx
      .insertInto('meta')
      .values({ key, value })
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
      .execute();
    if (before === undefined) return;
    log.warn({ before, after: floor }, 'the floor of retention was changed in the configuration');
    await appendRecord(trx, at, { kind: 'log', event: 'floor-set', details: { before, after: floor } });
  });
  await write.catch((error: unknown) => log.error({ err: error }, 'the floor of retention could not be recorded'));
}
