/** Edge 1, `/v1/me/reviews`: rows of access reviews that are this person's to decide, from a signed-in device. Part of `myAccount`. */
import { Type } from 'typebox';
import { reviewDecision, reviewRow, rowNumbers } from './access-review.ts';
import { shortText, slug, strict, text, time } from './common.ts';
import { defineContract } from './route.ts';

const params = strict({ name: slug });
const mine = strict({
  name: slug,
  about: Type.Optional(shortText),
  due: time,
  rows: Type.Integer(),
  undecided: Type.Integer(),
});

export const myReviews = defineContract({
  reviews: {
    method: 'GET',
    path: '/v1/me/reviews',
    summary: 'Open access reviews with rows for me to decide',
    access: 'session',
    answer: strict({ reviews: Type.Array(mine) }),
  },
  review: {
    method: 'GET',
    path: '/v1/me/reviews/:name',
    summary: 'My rows of an open review, and no others; a page of them at a time',
    access: 'session',
    params,
    query: strict({ after: Type.Optional(Type.Integer({ minimum: 0 })) }),
    answer: strict({ review: mine, rows: Type.Array(reviewRow), next: Type.Optional(Type.Integer()) }),
  },
  decideReview: {
    method: 'POST',
    path: '/v1/me/reviews/:name',
    summary: 'Decide on rows of mine; `again` also on those that are decided, else all or none of them',
    access: 'session',
    params,
    body: strict({
      decision: reviewDecision,
      reason: text(500),
      rows: rowNumbers,
      again: Type.Optional(Type.Boolean()),
    }),
    answer: strict({ decided: Type.Integer() }),
  },
});
