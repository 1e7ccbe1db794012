/**
 * Takes old records out of the log, for an owner whose disk is full, and gives the space back to the disk. What gateways deliver next
 * still finds its place: the newest record of each spool stays (P24). So do the hashes of what went, and with them every proof of the rest.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Db, Store } from '../store/open-store.ts';
import { findLogState } from './log-state.ts';
import { markChanged } from './mark-changed.ts';

/** In one transaction: few, so that what it writes fits into what little space there is, and nobody waits long. */
const atOnce = 200;

/** `before`: milliseconds. Returns how many records went. */
export async function pruneRecords(store: Pick<Store, 'db' | 'giveBack'>, before: number): Promise<number> {
  let removed = 0;
  let after = 0;
  for (;;) {
    const page = await removeSome(store.db, before, after);
    removed += page.removed;
    if (page.last === undefined) break;
    after = page.last;
    await nextTurn();
  }
  await store.giveBack();
  return removed;
}

async function removeSome(db: Db, before: number, after: number): Promise<{ removed: number; last?: number }> {
  return db.transaction().execute(async (trx) => {
    // What has no place in the log yet would be missing from it.
    const { position: ordered = Number.MAX_SAFE_INTEGER } = (await findLogState(trx)) ?? {};
    const rows = await trx
      .selectFrom('records')
      .select(['position', 'gateway_id', 'spool', 'seq'])
      .where('time', '<', before)
      .where('position', '>', after)
      .where('position', '<=', ordered)
      .orderBy('position')
      .limit(atOnce)
      .execute();
    const gone: number[] = [];
    for (const { position, gateway_id, spool, seq } of rows) {
      if (spool === null || (await hasLater(trx, gateway_id, spool, seq))) gone.push(position);
    }
    if (gone.length > 0) {
      await trx.deleteFrom('records').where('position', 'in', gone).execute();
      await trx.updateTable('log_leaves').set({ pruned: 1 }).where('position', 'in', gone).execute();
      await markChanged(trx, gone);
    }
    const last = rows.at(-1)?.position;
    return last === undefined ? { removed: 0 } : { removed: gone.length, last };
  });
}

async function hasLater(db: Db, gateway: string | null, spool: string, seq: number | null): Promise<boolean> {
  const later = await db
    .selectFrom('records')
    .select('position')
    .where('gateway_id', '=', gateway)
    .where('spool', '=', spool)
    .where('seq', '>', seq)
    .limit(1)
    .executeTakeFirst();
  return later !== undefined;
}
