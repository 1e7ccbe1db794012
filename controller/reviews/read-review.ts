/** Reviews and their rows as they are shown. */
import type { ReviewDecision, ReviewRow, ReviewShown } from '#shared/contracts/access-review.ts';
import { mostReviewRows } from '#shared/contracts/access-review.ts';
import type { Db } from '../store/open-store.ts';
import type { ReviewRowTable, ReviewTable } from '../store/review-tables.ts';

export async function listReviews(db: Db): Promise<ReviewShown[]> {
  const rows = await db.selectFrom('reviews').selectAll().orderBy('started_at', 'desc').execute();
  const shown: ReviewShown[] = [];
  for (const row of rows) shown.push(await showReview(db, row));
  return shown;
}

export async function showReview(db: Db, review: ReviewTable): Promise<ReviewShown> {
  const sums = await db
    .selectFrom('review_rows')
    .select((eb) => ['reviewer', 'decision', eb.fn.countAll<number>().as('rows')])
    .where('review', '=', review.name)
    .groupBy(['reviewer', 'decision'])
    .execute();
  const count = (of: (sum: (typeof sums)[number]) => boolean) => sums.filter(of).reduce((n, { rows }) => n + rows, 0);
  const reviewers = [...new Set(sums.flatMap(({ reviewer }) => reviewer ?? []))].sort();
  return {
    name: review.name,
    ...(review.about === null ? {} : { about: review.about }),
    state: review.state as ReviewShown['state'],
    startedAt: review.started_at,
    startedBy: review.created_by,
    due: review.due,
    epoch: review.epoch,
    scope: JSON.parse(review.scope) as ReviewShown['scope'],
    rows: count(() => true),
    keep: count(({ decision }) => decision === 'keep'),
    revoke: count(({ decision }) => decision === 'revoke'),
    change: count(({ decision }) => decision === 'change'),
    undecided: count(({ decision }) => decision === null),
    unassigned: count(({ reviewer, decision }) => reviewer === null && decision === null),
    reviewers: reviewers.map((reviewer) => ({
      reviewer,
      rows: count((sum) => sum.reviewer === reviewer),
      undecided: count((sum) => sum.reviewer === reviewer && sum.decision === null),
    })),
    digest: review.digest,
    ...(review.closed_at === null ? {} : { closedAt: review.closed_at }),
    ...(review.closed_by === null ? {} : { closedBy: review.closed_by }),
  };
}

export interface RowsWanted {
  readonly app?: string | undefined;
  readonly group?: string | undefined;
  readonly person?: string | undefined;
  readonly reviewer?: string | undefined;
  readonly decision?: ReviewDecision | 'none' | undefined;
  readonly after?: number | undefined;
}

/** At most `mostReviewRows` in their order; `next` is what to go on after. */
export async function readRows(
  db: Db,
  review: string,
  { app, group, person, reviewer, decision, after = 0 }: RowsWanted,
): Promise<{ rows: ReviewRow[]; next?: number }> {
  let query = db.selectFrom('review_rows').selectAll().where('review', '=', review).where('n', '>', after);
  if (app !== undefined) query = query.where('app_id', '=', app);
  if (person !== undefined) query = query.where('person_id', '=', person);
  if (reviewer !== undefined) query = query.where('reviewer', '=', reviewer);
  if (decision === 'none') query = query.where('decision', 'is', null);
  else if (decision !== undefined) query = query.where('decision', '=', decision);
  // A group's name is a slug: in the JSON of the row it stands between quotes as it is. Its `_` finds more, which is left out below.
  if (group !== undefined) query = query.where('held', 'like', `%"${group}"%` as never);
  const found = await query
    .orderBy('n')
    .limit(mostReviewRows + 1)
    .execute();
  const page = found.slice(0, mostReviewRows).map(rowShown);
  const rows = group === undefined ? page : page.filter(({ groups }) => groups.includes(group));
  return { rows, ...(found.length > mostReviewRows ? { next: found[mostReviewRows - 1]!.n } : {}) };
}

type Held = Pick<ReviewRow, 'policies' | 'groups' | 'conditions' | 'devices'>;

export function rowShown(row: ReviewRowTable): ReviewRow {
  const { n, person_id, app_id, held, last_used, since, salt, digest, reviewer, decision, reason } = row;
  return {
    row: n,
    person: person_id,
    app: app_id,
    ...(JSON.parse(held) as Held),
    ...(last_used === null ? {} : { lastUsed: last_used }),
    ...(since === null ? {} : { since }),
    digest,
    ...(salt === null ? {} : { salt }),
    ...(reviewer === null ? {} : { reviewer }),
    ...(decision === null
      ? {}
      : {
          decision: {
            decision: decision as ReviewDecision,
            reason: reason ?? '',
            by: row.decided_by ?? '',
            at: row.decided_at ?? 0,
            ...(row.by_default === 0 ? {} : { byDefault: true as const }),
          },
        }),
  };
}
