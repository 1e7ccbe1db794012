/** Tells what follows the log (the index of search) that old records are others now, or gone: in the transaction that changes them. */
import type { Db } from '../store/open-store.ts';

/** `positions` in any order. */
export async function markChanged(db: Db, positions: readonly number[]): Promise<void> {
  const sorted = positions.toSorted((a, b) => a - b);
  const stretches: { first: number; last: number }[] = [];
  for (const position of sorted) {
    const current = stretches.at(-1);
    if (current !== undefined && position <= current.last + 1) current.last = position;
    else stretches.push({ first: position, last: position });
  }
  for (let at = 0; at < stretches.length; at += 500)
    await db
      .insertInto('records_changed')
      .values(stretches.slice(at, at + 500))
      .execute();
}
