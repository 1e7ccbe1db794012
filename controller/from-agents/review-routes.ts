/** `/v1/me/reviews`: rows of access reviews that are this person's to decide. */
import { minute } from '#shared/base/clock.ts';
import type { myReviews } from '#shared/contracts/my-reviews.ts';
import type { Handlers } from '#shared/wire/serve-contract.ts';
import type { IdentityParts } from '../identity/identity-parts.ts';
import { appendRecord } from '../log/append-record.ts';
import { Readings } from '../log/readings.ts';
import { decideOnRecord } from '../reviews/decide-on-record.ts';
import { findReview, noReview } from '../reviews/find-review.ts';
import { readRows, showReview } from '../reviews/read-review.ts';
import type { Db } from '../store/open-store.ts';
import type { DeviceCaller } from './authorize-peer.ts';

export function reviewRoutes({
  store,
  clock,
}: Pick<IdentityParts, 'store' | 'clock'>): Handlers<typeof myReviews, DeviceCaller> {
  const { db } = store;
  const readings = new Readings(clock);
  return {
    reviews: async ({ caller }) => ({ reviews: await openFor(db, caller.person.id) }),

    async review({ caller, params: { name }, query }) {
      const reviewer = caller.person.id;
      const review = (await openFor(db, reviewer)).find((one) => one.name === name);
      if (review === undefined) throw noReview(name);
      // Rows say who used what, and when last: as at the admin API, pages of one reading are one (P34).
      const search = { review: name, reviewer };
      if (readings.isNew(reviewer, search, minute))
        await appendRecord(db, clock.now(), {
          ...{ kind: 'log', event: 'review-read', actor: reviewer, ...caller.origin },
          details: { search },
        });
      return { review, ...(await readRows(db, name, { ...query, reviewer })) };
    },

    decideReview({ caller, params: { name: review }, body: { reason, ...body } }) {
      const reviewer = caller.person.id;
      const by = { actor: reviewer, ...caller.origin, because: reason };
      const refusals = { 'role-needed': 'wrong-role', conflict: 'decided-before' } as const;
      return decideOnRecord(db, clock.now(), { review, ...body, reviewer, by }, refusals);
    },
  };
}

async function openFor(db: Db, reviewer: string) {
  const rows = await db
    .selectFrom('review_rows')
    .innerJoin('reviews', 'reviews.name', 'review_rows.review')
    .select('name')
    .distinct()
    .where('reviewer', '=', reviewer)
    .where('reviews.state', '=', 'open')
    .orderBy('name')
    .execute();
  const found = [];
  for (const { name } of rows) {
    const { about, due, reviewers } = await showReview(db, await findReview(db, name));
    const { rows: all = 0, undecided = 0 } = reviewers.find((one) => one.reviewer === reviewer) ?? {};
    found.push({ name, ...(about === undefined ? {} : { about }), due, rows: all, undecided });
  }
  return found;
}
