/** Gives rows of an open review to a reviewer. */
import { appendRecord } from '../log/append-record.ts';
import type { Trx } from '../store/open-store.ts';
import type { Acting } from './acting.ts';
import { findReview, findRows, lockReview, requireOpen, requireReviewer } from './find-review.ts';

/**
 * Rows that are decided stay as they are, with who decided; rows about the reviewer are left alone and named in `own`. Throws `conflict` once the
 * review is closed, `not-found` for rows that it does not have.
 */
export async function assignRows(
  trx: Trx,
  at: number,
  { review: name, reviewer, rows, by }: { review: string; reviewer: string; rows: readonly number[]; by: Acting },
): Promise<{ assigned: number; own: number[] }> {
  await lockReview(trx, name);
  const review = await findReview(trx, name);
  requireOpen(review);
  await requireReviewer(trx, reviewer);
  const found = await findRows(trx, name, rows);
  const own = found.filter(({ person_id }) => person_id === reviewer).map(({ n }) => n);
  const given = found.filter(({ person_id }) => person_id !== reviewer).map(({ n }) => n);
  if (given.length > 0) {
    await trx.updateTable('review_rows').set({ reviewer }).where('review', '=', name).where('n', 'in', given).execute();
    const details = { review: name, reviewer, rows: given };
    await appendRecord(trx, at, { ...by, kind: 'review', event: 'review-assigned', details });
  }
  return { assigned: given.length, own };
}
