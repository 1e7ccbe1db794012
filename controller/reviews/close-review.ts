/** Closes a review: from then on nothing of it changes. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SelectQueryBuilder } from 'kysely';
import { PosternError } from '#shared/base/errors.ts';
import type { ReviewShown } from '#shared/contracts/access-review.ts';
import { appendRecord } from '../log/append-record.ts';
import type { Db, Trx } from '../store/open-store.ts';
import type { ReviewTable } from '../store/review-tables.ts';
import type { Tables } from '../store/tables.ts';
import type { Acting } from './acting.ts';
import { writeDecision } from './decide-rows.ts';
import { findReview, lockReview, requireOpen } from './find-review.ts';
import { showReview } from './read-review.ts';

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
  for (;;) {
    const closed = await db.transaction().execute((trx) => closeStep(trx, now(), order));
    if (closed !== undefined) return closed;
    await nextTurn();
  }
}

/** Decides on some rows. Undefined while others are left. */
async function closeStep(trx: Trx, at: number, order: Closing): Promise<ReviewShown | undefined> {
  const { review: name, by } = order;
  await lockReview(trx, name);
  const review = await findReview(trx, name);
  requireOpen(review);
  const open = trx.selectFrom('review_rows').where('review', '=', name).where('decision', 'is', null);
  const left = await countRows(open);
  if (left > 0) {
    const decision = requireDecision(order, left);
    await requireOneDefault(trx, name, decision);
    const own = await open
      .select('n')
      .where('person_id', '=', order.person ?? '')
      .executeTakeFirst();
    if (own !== undefined && decision === 'keep') {
      const tell = `Row ${own.n} is about you and undecided: somebody else decides on it, or closes the review.`;
      throw new PosternError('role-needed', tell, { tell });
    }
    const rows = await open.selectAll().orderBy('n').limit(atOnce).execute();
    for (const row of rows) await writeDecision(trx, at, row, { decision, by, byDefault: true });
    if (left > rows.length) return undefined;
  }
  return end(trx, at, review, by);
}

function requireDecision({ undecided, by }: Closing, left: number): 'keep' | 'revoke' {
  if (undecided === undefined) {
    const tell = `${left} rows are undecided: have them decided, or say --undecided keep or --undecided revoke with --reason.`;
    throw new PosternError('conflict', tell, { tell });
  }
  if (by.because === undefined) throw new PosternError('reason-needed');
  return undecided;
}

/** Of two who close at once, or where one was cut short: what nobody decided on becomes one thing alone. */
async function requireOneDefault(trx: Trx, review: string, decision: 'keep' | 'revoke'): Promise<void> {
  const other = await trx
    .selectFrom('review_rows')
    .select(['decision', 'decided_by'])
    .where('review', '=', review)
    .where('by_default', '=', 1)
    .where('decision', '!=', decision)
    .executeTakeFirst();
  if (other === undefined) return;
  const tell = `${other.decided_by} has begun to close it with --undecided ${other.decision}: see what became of it, or go on with the same.`;
  throw new PosternError('conflict', tell, { tell });
}

async function end(trx: Trx, at: number, review: ReviewTable, by: Acting): Promise<ReviewShown> {
  const { name } = review;
  const closed = { ...review, state: 'closed', closed_by: by.actor, closed_at: at };
  await trx.updateTable('reviews').set(closed).where('name', '=', name).execute();
  const shown = await showReview(trx, closed);
  const { rows, keep, revoke, change } = shown;
  // Counted where they stand: some may be of a closing that was cut short.
  const byDefault = await countRows(
    trx.selectFrom('review_rows').where('review', '=', name).where('by_default', '=', 1),
  );
  const details = { review: name, rows, keep, revoke, change, byDefault };
  await appendRecord(trx, at, { ...by, kind: 'review', event: 'review-closed', details });
  return shown;
}

async function countRows(rows: SelectQueryBuilder<Tables, 'review_rows', object>): Promise<number> {
  const { count } = await rows.select((eb) => eb.fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
  return Number(count);
}
