/** Ends sessions whose 12 hours are over: until then they only stop being good for anything. */
import { endSessions } from '../identity/sessions.ts';
import type { Db } from '../store/open-store.ts';

/** Returns how many it ended. */
export async function endLapsedSessions(db: Db, at: number): Promise<number> {
  return db.transaction().execute(async (trx) => {
    const lapsed = await trx
      .selectFrom('sessions')
      .select('id')
      .where('state', '=', 'live')
      .where('ends_at', '<=', at)
      .execute();
    for (const { id } of lapsed)
      await endSessions(trx, at, { which: { session: id }, because: 'lapsed', reason: 'expired' });
    return lapsed.length;
  });
}
