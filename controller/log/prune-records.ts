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

export interface Pruned {
  readonly removed: number;
  /** Streams to SIEMs that have not delivered all of them yet: what they lack stays. */
  readonly heldBy: readonly string[];
}

/** `before`: milliseconds. */
export async function pruneRecords(store: Pick<Store, 'db' | 'giveBack'>, before: number): Promise<Pruned> {
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
  return { removed, heldBy: await holdersOf(store.db, before) };
}

async function holdersOf(db: Db, before: number): Promise<string[]> {
  const rows = await db
    .selectFrom('log_streams')
    .select('name')
    .where(({ exists, selectFrom, ref }) =>
      exists(
        selectFrom('records')
          .select('records.position')
          .where('records.time', '<', before)
          .where('records.position', '>', ref('log_streams.position')),
      ),
    )
    .orderBy('name')
    .execute();
  return rows.map(({ name }) => name);
}

/** Up to here a record may go: it has its place in the log, or would be missing from it, and every stream to a SIEM has delivered it. */
async function lastToGo(trx: Db): Promise<number> {
  const { position: ordered = Number.MAX_SAFE_INTEGER } = (await findLogState(trx)) ?? {};
  const { delivered } = await trx
    .selectFrom('log_streams')
    .select(({ fn }) => fn.min<number | null>('position').as('delivered'))
    .executeTakeFirstOrThrow();
  return Math.min(ordered, delivered ?? Number.MAX_SAFE_INTEGER);
}

async function removeSome(db: Db, before: number, after: number): Promise<{ removed: number; last?: number }> {
  return db.transaction().execute(async (trx) => {
    const rows = await trx
      .selectFrom('records')
      .select(['position', 'gateway_id', 'spool', 'seq'])
      .where('time', '<', before)
      .where('position', '>', after)
      .where('position', '<=', await lastToGo(trx))
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
