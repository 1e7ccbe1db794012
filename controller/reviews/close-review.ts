/** Closes a review: from then on nothing of it changes. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { PosternError } from '#shared/base/errors.ts';
import type { ReviewShown } from '#shared/contracts/access-review.ts';
import { appendRecord } from '../log/append-record.ts';
import type { Db, Trx } from '../store/open-store.ts';
import type { ReviewTable } from '../store/review-tables.ts';
import type { Acting } from './acting.ts';
import { requireOpen } from './assign-rows.ts';
import { writeDecision } from './decide-rows.ts';
import { findReview, showReview } from './read-review.ts';

interface Closing {
  readonly review: string;
  /** What becomes of rows that nobody decided on. */
  readonly undecided: 'keep' | 'revoke' | undefined;
  readonly person: string | undefined;
  readonly by: Acting;
}

/** Rows in one transaction, so that nobody waits long. */
const atOnce = 500;

/**
 * Throws `conflict` while rows are undecided and it is not told what becomes of them, `reason-needed`, and `role-needed` where the caller would keep their own.
 * What is cut short has decided on some rows and closed nothing: again, it goes on.
 */
export async function closeReview(db: Db, now: () => number, order: Closing): Promise<ReviewShown> {
  for (let done = 0; ; ) {
    const step = await db.transaction().execute((trx) => closeStep(trx, now(), order, done));
    if (typeof step !== 'number') return step;
    done += step;
    await nextTurn();
  }
}

/** How many rows it decided on, or the review once there are none left. `done`: in the steps before. */
async function closeStep(trx: Trx, at: number, order: Closing, done: number): Promise<ReviewShown | number> {
  const { review: name, undecided, by } = order;
  const review = await findReview(trx, name);
  requireOpen(review);
  const open = trx.selectFrom('review_rows').where('review', '=', name).where('decision', 'is', null);
  const { left } = await open.select((eb) => eb.fn.countAll<number>().as('left')).executeTakeFirstOrThrow();
  if (left > 0) {
    requireOrder(order, left);
    const own = await open
      .select('n')
      .where('person_id', '=', order.person ?? '')
      .executeTakeFirst();
    if (own !== undefined && undecided === 'keep') {
      const tell = `Row ${own.n} is about you and undecided: somebody else decides on it, or closes the review.`;
      throw new PosternError('role-needed', tell, { tell });
    }
    const rows = await open.selectAll().orderBy('n').limit(atOnce).execute();
    for (const row of rows) await writeDecision(trx, at, row, { decision: undecided!, by, byDefault: true });
    if (left > rows.length) return rows.length;
    return end(trx, at, { review, by, byDefault: done + rows.length });
  }
  return end(trx, at, { review, by, byDefault: done });
}

function requireOrder({ undecided, by }: Closing, left: number): void {
  if (undecided === undefined) {
    const tell = `${left} rows are undecided: have them decided, or say --undecided keep or --undecided revoke with --reason.`;
    throw new PosternError('conflict', tell, { tell });
  }
  if (by.because === undefined) throw new PosternError('reason-needed');
}

async function end(
  trx: Trx,
  at: number,
  { review, by, byDefault }: { readonly review: ReviewTable; readonly by: Acting; readonly byDefault: number },
): Promise<ReviewShown> {
  const { name } = review;
  const closed = { ...review, state: 'closed', closed_by: by.actor, closed_at: at };
  await trx.updateTable('reviews').set(closed).where('name', '=', name).execute();
  const shown = await showReview(trx, closed);
  const { rows, keep, revoke, change } = shown;
  const details = { review: name, rows, keep, revoke, change, byDefault };
  await appendRecord(trx, at, { ...by, kind: 'review', event: 'review-closed', details });
  return shown;
}
