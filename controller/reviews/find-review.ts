/** What whoever changes a review asks for first: it, its rows, and whether anything may change. */
import { PosternError } from '#shared/base/errors.ts';
import type { Db, Trx } from '../store/open-store.ts';
import type { ReviewRowTable, ReviewTable } from '../store/review-tables.ts';

/** Throws `not-found`. */
export async function findReview(db: Db, name: string): Promise<ReviewTable> {
  const review = await db.selectFrom('reviews').selectAll().where('name', '=', name).executeTakeFirst();
  if (review === undefined) throw noReview(name);
  return review;
}

/** P12: to a reviewer, one that is nothing of theirs is as little there as one that never was. */
export const noReview = (name: string): PosternError =>
  new PosternError('not-found', `no review ${name}`, { tell: `There is no access review "${name}" here.` });

/**
 * First of all in a transaction that changes something of a review: until it ends, no other one changes the same, of whichever controller. A
 * transaction that read first could not wait for it.
 */
export async function lockReview(trx: Trx, name: string): Promise<void> {
  await trx
    .updateTable('reviews')
    .set((eb) => ({ state: eb.ref('state') }))
    .where('name', '=', name)
    .execute();
}

/** Throws `conflict`. */
export function requireOpen({ name, state }: { readonly name: string; readonly state: string }): void {
  if (state !== 'open')
    throw refuse('conflict', `The access review "${name}" is closed: nothing of it changes any more.`);
}

/** All of them, in their order. Throws `not-found`. */
export async function findRows(trx: Trx, review: string, rows: readonly number[]): Promise<ReviewRowTable[]> {
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

/** Throws `not-found`, and `conflict` for somebody who could not decide. */
export async function requireReviewer(db: Db, id: string): Promise<void> {
  const person = await db.selectFrom('people').select('state').where('id', '=', id).executeTakeFirst();
  if (person === undefined) throw refuse('not-found', `There is no person "${id}".`);
  if (person.state !== 'active')
    throw refuse('conflict', `${id} is ${person.state}: a reviewer must be able to sign in.`);
}

const refuse = (code: 'conflict' | 'not-found', tell: string) => new PosternError(code, tell, { tell });
