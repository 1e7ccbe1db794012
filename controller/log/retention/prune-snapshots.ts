/** Snapshots of facts go with the records that rested on them. */
import { sql } from 'kysely';
import { day } from '#shared/base/clock.ts';
import type { Db } from '../../store/open-store.ts';
import { type Cutoffs, oldestCutoff } from './retention-ages.ts';

const atOnce = 200;

/**
 * Snapshots of facts that no record can rest on any more: last used before what any kind still keeps. While a hold stands all stay. Returns
 * how many went.
 */
export async function pruneSnapshots(db: Db, cutoffs: Cutoffs): Promise<number> {
  const before = oldestCutoff(cutoffs) - day;
  let removed = 0;
  for (;;) {
    const held = await db.selectFrom('legal_holds').select('id').limit(1).executeTakeFirst();
    if (before <= 0 || held !== undefined) return removed;
    const { numAffectedRows = 0n } = await sql`DELETE FROM fact_snapshots WHERE id IN
      (SELECT id FROM fact_snapshots WHERE last_at < ${before} LIMIT ${atOnce})`.execute(db);
    removed += Number(numAffectedRows);
    if (numAffectedRows < BigInt(atOnce)) return removed;
  }
}
