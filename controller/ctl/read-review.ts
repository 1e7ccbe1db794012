/** A review with all rows that fit, page after page. */
import type { ReviewRow, ReviewShown } from '#shared/contracts/access-review.ts';
import type { adminReviews } from '#shared/contracts/admin-reviews.ts';
import type { QueryOf } from '#shared/contracts/route.ts';
import type { AdminClient } from './connect.ts';

export type RowFilter = Omit<QueryOf<(typeof adminReviews)['review']>, 'after'>;

export async function readReview(
  admin: AdminClient,
  name: string,
  filter: RowFilter = {},
): Promise<{ review: ReviewShown; rows: ReviewRow[] }> {
  const rows: ReviewRow[] = [];
  for (let after = 0; ; ) {
    const page = await admin.review({ params: { name }, query: { ...filter, after } });
    rows.push(...page.rows);
    if (page.next === undefined) return { review: page.review, rows };
    after = page.next;
  }
}
