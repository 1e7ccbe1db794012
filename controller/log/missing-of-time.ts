/** What of a time is not there, or may be there by mistake: whoever reads records of it hears so. */
import type { Db } from '../store/open-store.ts';
import { misdatedOfTime } from './misdated-of-time.ts';
import { prunedOfTime } from './retention/pruned-of-time.ts';

export async function missingOf(db: Db, time: Parameters<typeof prunedOfTime>[1]) {
  const pruned = await prunedOfTime(db, time);
  const misdated = await misdatedOfTime(db, time);
  return { ...(pruned === undefined ? {} : { pruned }), ...(misdated === undefined ? {} : { misdated }) };
}
