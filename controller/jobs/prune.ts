/** Forgets what can no longer matter: ended grants, revocations that match nothing alive, codes and flows that are over. */
import { day, hour, minute } from '#shared/base/clock.ts';
import type { Db } from '../store/open-store.ts';

/** A gateway that was away for longer gets a snapshot instead of changes. */
const changesKept = hour;

export async function prune(db: Db, at: number): Promise<void> {
  await db
    .deleteFrom('grants')
    .where('ends_at', '<', at - minute)
    .execute();
  await db
    .deleteFrom('revocations')
    .where('until', '<', at - day)
    .execute();
  await db.deleteFrom('sign_in_flows').where('ends_at', '<', at).execute();
  await db.deleteFrom('nonces').where('ends_at', '<', at).execute();
  await db.deleteFrom('admin_sessions').where('ends_at', '<', at).execute();
  await db
    .deleteFrom('throttle')
    .where('last_at', '<', at - day)
    .where('blocked_until', '<', at)
    .execute();
  await db
    .deleteFrom('gateway_cuts')
    .where('applied_at', '<', at - 30 * day)
    .execute();
  await pruneChanges(db, at - changesKept);
}

/** `pruned_through` tells the streams from which number on the log is whole. */
async function pruneChanges(db: Db, before: number): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const row = await trx
      .selectFrom('changes')
      .select((eb) => eb.fn.max('n').as('n'))
      .where('at', '<', before)
      .executeTakeFirst();
    if (row?.n == null) return;
    await trx.deleteFrom('changes').where('n', '<=', row.n).execute();
    await trx
      .insertInto('meta')
      .values({ key: 'pruned_through', value: String(row.n) })
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ value: String(row.n) }))
      .execute();
  });
}
