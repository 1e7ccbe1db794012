/** The admin API: access reviews. Whoever reads may hold one: it changes nothing of who can reach what, and each step is on record. */
import { type Static, Type } from 'typebox';
import { mostReviewRows, reviewDecision, reviewRow, reviewShown, rowNumbers } from './access-review.ts';
import { oneOf, shortText, slug, strict, text, time } from './common.ts';
import { defineContract } from './route.ts';

const params = strict({ name: slug });
const some = Type.Optional(Type.Array(slug, { minItems: 1, maxItems: 200 }));

/** Whether a right that was to go or to change is as it was, by the policy in force, the groups and the devices of now. */
export const rightNow = strict({
  row: Type.Integer({ minimum: 1 }),
  person: slug,
  app: text(63),
  decision: reviewDecision,
  now: oneOf(['there', 'changed', 'gone', 'unknown']),
  why: Type.Optional(text(500)),
  /** What an administrator can do about it; absent once nothing is left to do. */
  todo: Type.Optional(Type.Array(text(1000))),
});
export type RightNow = Static<typeof rightNow>;

export const adminReviews = defineContract({
  reviews: {
    method: 'GET',
    path: '/v1/admin/reviews',
    summary: 'Access reviews, the newest first',
    access: 'reader',
    answer: strict({ items: Type.Array(reviewShown) }),
  },
  startReview: {
    method: 'POST',
    path: '/v1/admin/reviews',
    summary: 'Freeze who can reach what now, as rows to be decided on',
    access: 'reader',
    body: strict({
      name: slug,
      about: Type.Optional(shortText),
      due: time,
      /** Of all rows but their own. */
      reviewer: Type.Optional(slug),
      apps: some,
      groups: some,
      people: some,
    }),
    answer: reviewShown,
  },
  review: {
    method: 'GET',
    path: '/v1/admin/reviews/:name',
    summary: 'A review with its rows, a page of them at a time',
    access: 'reader',
    params,
    query: strict({
      app: Type.Optional(slug),
      group: Type.Optional(slug),
      person: Type.Optional(slug),
      reviewer: Type.Optional(slug),
      decision: Type.Optional(oneOf(['keep', 'revoke', 'change', 'none'])),
      /** Rows behind this one. */
      after: Type.Optional(Type.Integer({ minimum: 0 })),
    }),
    answer: strict({
      review: reviewShown,
      rows: Type.Array(reviewRow, { maxItems: mostReviewRows }),
      next: Type.Optional(Type.Integer()),
    }),
  },
  reviewNow: {
    method: 'GET',
    path: '/v1/admin/reviews/:name/now',
    summary: 'Whether the rights that were to go or to change are still as they were',
    access: 'reader',
    params,
    answer: strict({ at: time, items: Type.Array(rightNow) }),
  },
  assignReview: {
    method: 'POST',
    path: '/v1/admin/reviews/:name/assign',
    summary: 'Give rows to a reviewer, who never gets their own',
    access: 'reader',
    params,
    body: strict({ reviewer: slug, rows: rowNumbers }),
    answer: strict({ assigned: Type.Integer(), own: Type.Array(Type.Integer()) }),
  },
  decideReview: {
    method: 'POST',
    path: '/v1/admin/reviews/:name/decide',
    summary:
      "Decide on rows that are the caller's to decide, `again` also on those that are decided, all or none; with a reason (Postern-Reason)",
    access: 'reader',
    params,
    body: strict({ decision: reviewDecision, rows: rowNumbers, again: Type.Optional(Type.Boolean()) }),
    answer: strict({ decided: Type.Integer() }),
  },
  closeReview: {
    method: 'POST',
    path: '/v1/admin/reviews/:name/close',
    summary: 'Close a review for good; what nobody decided is told, with a reason (Postern-Reason)',
    access: 'reader',
    params,
    body: strict({ undecided: Type.Optional(oneOf(['keep', 'revoke'])) }),
    answer: reviewShown,
  },
});
