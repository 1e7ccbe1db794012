/** Access reviews. The rights are found by a thread of their own; each step is on record. */
import { minute } from '#shared/base/clock.ts';
import type { ReviewRow } from '#shared/contracts/access-review.ts';
import type { adminReviews } from '#shared/contracts/admin-reviews.ts';
import { Readings } from '../log/readings.ts';
import type { Acting } from '../reviews/acting.ts';
import { assignRows } from '../reviews/assign-rows.ts';
import { closeReview } from '../reviews/close-review.ts';
import { decideOnRecord } from '../reviews/decide-on-record.ts';
import { findReview } from '../reviews/find-review.ts';
import { listReviews, readRows, showReview } from '../reviews/read-review.ts';
import { checkOrder, startReview } from '../reviews/start-review.ts';
import type { AdminCaller, AdminParts, HandlersOf } from './admin-parts.ts';
import { recordAdmin } from './record-admin.ts';

const actingOf = ({ actor, trace, because }: AdminCaller): Acting => ({
  actor,
  trace,
  ...(because === undefined ? {} : { because }),
});

export function reviewHandlers(parts: AdminParts): HandlersOf<typeof adminReviews> {
  const { db, clock, analyses } = parts;
  const readings = new Readings(clock);
  // Rows say who used what, and when last (P34).
  const recordReading = async (caller: AdminCaller, search: Readonly<Record<string, unknown>>) => {
    if (!readings.isNew(caller.actor, search, minute)) return;
    await recordAdmin(db, clock.now(), caller, { event: 'review-read', kind: 'log', details: { search } });
  };
  return {
    reviews: async () => ({ items: await listReviews(db) }),

    async startReview({ body: { name, about, due, reviewer, ...scope }, caller }) {
      const order = { name, about, due, reviewer, scope };
      await checkOrder(db, clock.now(), order);
      const frozen = await (await analyses.begin('freeze', scope)).finish(() => {});
      const by = actingOf(caller);
      return db.transaction().execute((trx) => startReview(trx, clock.now(), { order, frozen, by }));
    },

    async review({ params: { name }, query, caller }) {
      const review = await findReview(db, name);
      const { after: _, ...filter } = query;
      await recordReading(caller, { review: name, ...filter });
      return { review: await showReview(db, review), ...(await readRows(db, name, query)) };
    },

    async reviewNow({ params: { name }, caller }) {
      await findReview(db, name);
      await recordReading(caller, { review: name, now: true });
      const rows: ReviewRow[] = [];
      for (const decision of ['revoke', 'change'] as const)
        for (let after: number | undefined = 0; after !== undefined; ) {
          const page: Awaited<ReturnType<typeof readRows>> = await readRows(db, name, { decision, after });
          rows.push(...page.rows);
          after = page.next;
        }
      const at = clock.now();
      if (rows.length === 0) return { at, items: [] };
      rows.sort((a, b) => a.row - b.row);
      return { at, items: await (await analyses.begin('remains', { review: name, rows })).finish(() => {}) };
    },

    assignReview: ({ params: { name: review }, body, caller }) =>
      db.transaction().execute((trx) => assignRows(trx, clock.now(), { review, ...body, by: actingOf(caller) })),

    decideReview({ params: { name: review }, body, caller }) {
      const order = { review, ...body, reviewer: caller.person, by: actingOf(caller) };
      // What the role does not allow is on record as at every other call here.
      return decideOnRecord(db, clock.now(), order, { conflict: 'decided-before' });
    },

    closeReview: ({ params: { name: review }, body: { undecided }, caller }) => {
      const { person } = caller;
      return closeReview(db, () => clock.now(), { review, undecided, person, by: actingOf(caller) });
    },
  };
}
