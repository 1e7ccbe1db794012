/** Closes a review: from then on nothing of it changes. */
import { PosternError } from '#shared/base/errors.ts';
import type { ReviewShown } from '#shared/contracts/access-review.ts';
import { appendRecord } from '../log/append-record.ts';
import type { Trx } from '../store/open-store.ts';
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

/** Throws `conflict` while rows are undecided and it is not told what becomes of them, `reason-needed`, and `role-needed` where the caller would keep their own. */
export async function closeReview(trx: Trx, at: number, order: Closing): Promise<ReviewShown> {
  const { review: name, undecided, person, by } = order;
  const review = await findReview(trx, name);
  requireOpen(review);
  const open = await trx
    .selectFrom('review_rows')
    .selectAll()
    .where('review', '=', name)
    .where('decision', 'is', null)
    .orderBy('n')
    .execute();
  if (open.length > 0 && undecided === undefined) {
    const tell = `${open.length} rows are undecided: have them decided, or say --undecided keep or --undecided revoke with --reason.`;
    throw new PosternError('conflict', tell, { tell });
  }
  if (open.length > 0 && by.because === undefined) throw new PosternError('reason-needed');
  const own = open.find(({ person_id }) => person_id === person);
  if (own !== undefined && undecided === 'keep') {
    const tell = `Row ${own.n} is about you and undecided: somebody else decides on it, or closes the review.`;
    throw new PosternError('role-needed', tell, { tell });
  }
  for (const row of open) await writeDecision(trx, at, row, { decision: undecided!, by, byDefault: true });
  const closed = { ...review, state: 'closed', closed_by: by.actor, closed_at: at };
  await trx.updateTable('reviews').set(closed).where('name', '=', name).execute();
  const shown = await showReview(trx, closed);
  const { rows, keep, revoke, change } = shown;
  const details = { review: name, rows, keep, revoke, change, byDefault: open.length };
  await appendRecord(trx, at, { ...by, kind: 'review', event: 'review-closed', details });
  return shown;
}
