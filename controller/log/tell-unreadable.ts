/** That records of the log cannot be read is an alarm, on record, once for each: somebody has been at the database, or its disk is failing. */
import type { Db, Trx } from '../store/open-store.ts';
import { appendRecord } from './append-record.ts';
import type { PlacedRecord } from './page-records.ts';
import { type ReadRow, readColumns, readRow, type Unreadable } from './read-row.ts';

/** Looked at again at once, for whoever asks how things are. */
const mostLooked = 1000;

/** In one transaction, those alone that were not told before. */
export async function tellUnreadable(db: Db, at: number, found: readonly Unreadable[]): Promise<void> {
  await db.transaction().execute((trx) => tellUnreadableIn(trx, at, found));
}

/** In the transaction of who has found them. */
export async function tellUnreadableIn(trx: Trx, at: number, found: readonly Unreadable[]): Promise<void> {
  const fresh: Unreadable[] = [];
  for (const one of found) {
    const done = await trx
      .insertInto('unreadable_records')
      .values({ position: one.position, at })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    if (done.numInsertedOrUpdatedRows === 1n) fresh.push(one);
  }
  const [first, last] = [fresh[0], fresh.at(-1)];
  if (first === undefined || last === undefined) return;
  const details = {
    count: fresh.length,
    first: { ...first, ...(await leafOf(trx, first.position)) },
    ...(fresh.length === 1 ? {} : { last: { ...last, ...(await leafOf(trx, last.position)) } }),
  };
  await appendRecord(trx, at, { kind: 'log', event: 'record-unreadable', details });
}

/**
 * What stands in for records that cannot be read, behind `after` and up to `through`: all that were told, and whatever is among the newest
 * thousand. In the order of writing, with their positions; at most `limit`, the newest.
 */
export async function unreadableBetween(
  db: Db,
  { after, through, limit }: { readonly after: number; readonly through: number; readonly limit: number },
): Promise<PlacedRecord[]> {
  const told = await db
    .selectFrom('unreadable_records')
    .innerJoin('records', 'records.position', 'unreadable_records.position')
    .select(readColumns.map((name) => `records.${name}` as const))
    .where('records.position', '>', after)
    .where('records.position', '<=', through - mostLooked)
    .orderBy('records.position', 'desc')
    .limit(mostLooked)
    .execute();
  const newest = await db
    .selectFrom('records')
    .select([...readColumns])
    .where('position', '>', Math.max(after, through - mostLooked))
    .where('position', '<=', through)
    .orderBy('position', 'desc')
    .execute();
  const rows: readonly ReadRow[] = [...newest, ...told];
  const found = rows.map((row) => ({ position: row.position, ...readRow(row) })).filter((one) => one.unreadable);
  return found
    .slice(0, limit)
    .reverse()
    .map(({ position, record }) => ({ position, record }));
}

async function leafOf(db: Db, position: number): Promise<{ leaf?: number }> {
  const row = await db
    .selectFrom('log_leaves')
    .select('leaf_index')
    .where('position', '=', position)
    .executeTakeFirst();
  return row === undefined ? {} : { leaf: row.leaf_index };
}

/** How many of those that were told still cannot be read: not what was put right or pruned since. Of more than a thousand, all others are counted. */
export async function countUnreadable(db: Db): Promise<number> {
  const rows: ReadRow[] = await db
    .selectFrom('unreadable_records')
    .innerJoin('records', 'records.position', 'unreadable_records.position')
    .select(readColumns.map((name) => `records.${name}` as const))
    .orderBy('records.position')
    .limit(mostLooked)
    .execute();
  const still = rows.filter((row) => readRow(row).unreadable !== undefined).length;
  if (rows.length < mostLooked) return still;
  const { count } = await db
    .selectFrom('unreadable_records')
    .innerJoin('records', 'records.position', 'unreadable_records.position')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return still + Number(count) - rows.length;
}
