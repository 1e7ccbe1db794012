/**
 * The change counter (P13): one number, incremented inside each transaction that changes anything a grant rests on, so
 * that number order is commit order. A grant carries the number it was decided at; a revocation beats every lower one.
 */
import { EventEmitter } from 'node:events';
import type { StreamChange } from '#shared/contracts/gateway-to-controller.ts';
import type { Db, Trx } from './open-store.ts';

/**
 * "Look now" for the readers of this process. It only saves time: whoever listens also looks each 500 ms, and finds out
 * by the number itself whether there is something. Sent before the commit; a read after it waits for the transaction.
 */
const bell = new EventEmitter().setMaxListeners(0);

/** Calls `listener` soon after any change of any store of this process. Returns how to stop. */
export function onChangeHint(listener: () => void): () => void {
  bell.on('look', listener);
  return () => bell.off('look', listener);
}

/** Something changed that has no number: nothing that a grant rests on. */
export function hintChange(): void {
  setImmediate(() => bell.emit('look'));
}

/** The number as of this transaction. */
export async function readChange(db: Db): Promise<number> {
  const row = await db.selectFrom('change_counter').select('n').where('id', '=', 1).executeTakeFirst();
  return row?.n ?? 0;
}

/**
 * Takes the next number. `stream` is what gateways must hear of it: nothing for a change that only ends the validity of
 * later decisions. `site` limits it to one site's gateways; undefined means all.
 */
export async function nextChange(
  trx: Trx,
  at: number,
  stream: readonly StreamChange[] = [],
  site?: string,
): Promise<number> {
  const row = await trx
    .updateTable('change_counter')
    .set((eb) => ({ n: eb('n', '+', 1) }))
    .where('id', '=', 1)
    .returning('n')
    .executeTakeFirst();
  const n = row?.n ?? 1;
  hintChange();
  if (row === undefined) await trx.insertInto('change_counter').values({ id: 1, n }).execute();
  if (stream.length > 0) {
    await trx
      .insertInto('changes')
      .values({ n, at, site: site ?? null, changes: JSON.stringify(stream) })
      .execute();
  }
  return n;
}

/** A change whose stream messages need to know their own number (a revocation's `seen`). */
export async function nextChangeWith(
  trx: Trx,
  at: number,
  stream: (n: number) => readonly StreamChange[],
  site?: string,
): Promise<number> {
  const n = await nextChange(trx, at);
  const messages = stream(n);
  if (messages.length > 0) {
    await trx
      .insertInto('changes')
      .values({ n, at, site: site ?? null, changes: JSON.stringify(messages) })
      .execute();
  }
  return n;
}
