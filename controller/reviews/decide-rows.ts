/** A reviewer decides on rows that are theirs to decide, and never on what they have themselves. */
import { PosternError } from '#shared/base/errors.ts';
import type { ReviewDecision } from '#shared/contracts/access-review.ts';
import { appendRecord } from '../log/append-record.ts';
import type { Trx } from '../store/open-store.ts';
import type { ReviewRowTable } from '../store/review-tables.ts';
import type { Acting } from './acting.ts';
import { findReview, findRows, lockReview, noReview, requireOpen } from './find-review.ts';

export interface Deciding {
  readonly review: string;
  readonly decision: ReviewDecision;
  readonly rows: readonly number[];
  /** Also on rows that are decided: else of two who decide on one at once the first one has. */
  readonly again?: boolean | undefined;
  /** Undefined at the shell, which is nobody in particular. */
  readonly reviewer: string | undefined;
  readonly by: Acting;
}

/**
 * All of them or none; each is a record of its own. Throws `role-needed` when one of them is not the caller's to decide, `reason-needed`, `conflict` once the
 * review is closed or, unless `again`, a row is decided, and `not-found`; whoever reviews nothing here hears that there is nothing.
 */
export async function decideRows(trx: Trx, at: number, order: Deciding): Promise<{ decided: number }> {
  const { review: name, decision, reviewer, by, again = false } = order;
  if (reviewer === undefined)
    throw refuseRole('The shell is nobody in particular: a decision has a name. Sign in: posternctl login.');
  await lockReview(trx, name);
  const review = await findReview(trx, name);
  const own = await trx
    .selectFrom('review_rows')
    .select('n')
    .where('review', '=', name)
    .where('reviewer', '=', reviewer)
    .executeTakeFirst();
  if (own === undefined) throw noReview(name);
  requireOpen(review);
  if (by.because === undefined || by.because.trim() === '') throw new PosternError('reason-needed');
  const rows = await findRows(trx, name, order.rows);
  const about = rows.find(({ person_id }) => person_id === reviewer);
  if (about !== undefined) throw refuseRole(`Row ${about.n} is about you: somebody else decides on it.`);
  const others = rows.find((row) => row.reviewer !== reviewer);
  if (others !== undefined) throw refuseRole(`Row ${others.n} is not yours to decide.`);
  const decided = again ? undefined : rows.find((row) => row.decision !== null);
  if (decided !== undefined) throw refuseDecided(decided);
  for (const row of rows) await writeDecision(trx, at, row, { decision, by, byDefault: false });
  return { decided: rows.length };
}

export async function writeDecision(
  trx: Trx,
  at: number,
  row: ReviewRowTable,
  { decision, by, byDefault }: { readonly decision: ReviewDecision; readonly by: Acting; readonly byDefault: boolean },
): Promise<void> {
  const { review, n, person_id: person, app_id: app, digest } = row;
  await trx
    .updateTable('review_rows')
    .set({
      ...{ decision, reason: by.because ?? '', decided_by: by.actor, decided_at: at },
      by_default: byDefault ? 1 : 0,
    })
    .where('review', '=', review)
    .where('n', '=', n)
    .execute();
  await appendRecord(trx, at, {
    ...by,
    kind: 'review',
    event: 'review-decided',
    ...(person === 'erased' ? {} : { person }),
    app,
    details: {
      ...{ review, row: n, decision, digest },
      ...(byDefault ? { byDefault } : {}),
    },
  });
}

function refuseDecided({ n, decision, decided_by: who }: ReviewRowTable): PosternError {
  const tell = `${who} decided on row ${n} already: ${decision}. Nothing of this was done; to decide over it, say --again.`;
  return new PosternError('conflict', tell, { tell });
}

const refuseRole = (tell: string) => new PosternError('role-needed', tell, { tell });
