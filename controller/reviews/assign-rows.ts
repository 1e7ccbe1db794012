/** Gives rows of an open review to a reviewer. */
import { PosternError } from '#shared/base/errors.ts';
import { appendRecord } from '../log/append-record.ts';
import type { Db, Trx } from '../store/open-store.ts';
import type { Acting } from './acting.ts';
import { findReview } from './read-review.ts';

/** Throws `not-found`, and `conflict` for somebody who could not decide. */
export async function requireReviewer(db: Db, id: string): Promise<void> {
  const person = await db.selectFrom('people').select('state').where('id', '=', id).executeTakeFirst();
  if (person === undefined) throw refuse('not-found', `There is no person "${id}".`);
  if (person.state !== 'active')
    throw refuse('conflict', `${id} is ${person.state}: a reviewer must be able to sign in.`);
}

/**
 * Rows that are decided stay as they are, with who decided; rows about the reviewer are left alone and named in `own`. Throws `conflict` once the
 * review is closed, `not-found` for rows that it does not have.
 */
export async function assignRows(
  trx: Trx,
  at: number,
  { review: name, reviewer, rows, by }: { review: string; reviewer: string; rows: readonly number[]; by: Acting },
): Promise<{ assigned: number; own: number[] }> {
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

export function requireOpen({ name, state }: { readonly name: string; readonly state: string }): void {
  if (state !== 'open')
    throw refuse('conflict', `The access review "${name}" is closed: nothing of it changes any more.`);
}

export async function findRows(trx: Trx, review: string, rows: readonly number[]) {
  const wanted = [...new Set(rows)];
  const found = await trx
    .selectFrom('review_rows')
    .selectAll()
    .where('review', '=', review)
    .where('n', 'in', wanted)
    .orderBy('n')
    .execute();
  if (found.length < wanted.length) throw refuse('not-found', `The access review "${review}" has no such rows.`);
  return found;
}

const refuse = (code: 'conflict' | 'not-found', tell: string) => new PosternError(code, tell, { tell });
