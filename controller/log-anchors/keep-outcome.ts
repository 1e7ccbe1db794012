/** Whose turn it is to go to a place outside, how far that has come, and how long it has been failing, in the store; what lasts is on record. */
import { minute } from '#shared/base/clock.ts';
import { appendRecord } from '../log/append-record.ts';
import type { Db, Trx } from '../store/open-store.ts';
import type { AnchorOrder, Published } from './anchor.ts';

/** Failing for so long is on record. */
const toldMs = 15 * minute;

type Which = Pick<AnchorOrder, 'name' | 'born'>;

/** One controller goes at a time: whoever moves on the time that all of them know. False when another one did. */
export async function takeTurn(
  db: Db,
  { name, born, nextAt }: Which & Pick<AnchorOrder, 'nextAt'>,
  until: number,
): Promise<boolean> {
  const done = await db
    .updateTable('log_anchors')
    .set({ next_at: until })
    .where('name', '=', name)
    .where('created_at', '=', born)
    .where('next_at', '=', nextAt)
    .executeTakeFirst();
  return done.numUpdatedRows === 1n;
}

export async function keepArrived(
  db: Db,
  at: number,
  { name, born, everyMs }: Which & Pick<AnchorOrder, 'everyMs'>,
  { origin, size }: Published,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const row = await findRow(trx, { name, born });
    if (row === undefined) return;
    await trx
      .updateTable('log_anchors')
      .set({
        // Of two that were on their way at once the newer one counts.
        ...(row.origin === origin && row.size > size ? {} : { origin, size }),
        ...{ anchored_at: at, next_at: at + everyMs, failing_since: null, failing_told: 0 },
      })
      .where('name', '=', name)
      .execute();
    if (row.failing_told === 1)
      await appendRecord(trx, at, { kind: 'log', event: 'anchor-recovered', details: { anchor: name, size } });
  });
}

/** `grave`: told at once. `nextAt`: when it is tried again. */
export async function keepFailed(
  db: Db,
  at: number,
  { name, born }: Which,
  {
    size,
    why,
    grave,
    nextAt,
  }: { readonly size: number; readonly why: string; readonly grave: boolean; readonly nextAt: number },
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const row = await findRow(trx, { name, born });
    if (row === undefined) return;
    const since = row.failing_since ?? at;
    const tells = row.failing_told === 0 && (grave || at - since >= toldMs);
    await trx
      .updateTable('log_anchors')
      .set({ failing_since: since, failing_told: tells ? 1 : row.failing_told, next_at: nextAt })
      .where('name', '=', name)
      .execute();
    if (tells)
      await appendRecord(trx, at, {
        kind: 'log',
        event: 'anchor-failing',
        details: { anchor: name, since, size, why },
      });
  });
}

/** Undefined for one that was removed meanwhile, or added anew. */
const findRow = (trx: Trx, { name, born }: Which) =>
  trx
    .selectFrom('log_anchors')
    .select(['origin', 'size', 'failing_since', 'failing_told'])
    .where('name', '=', name)
    .where('created_at', '=', born)
    .executeTakeFirst();
