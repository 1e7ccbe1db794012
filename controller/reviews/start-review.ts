/** Begins an access review: the rights that a thread found, as rows that nothing changes any more, and the record of it. */
import { randomSecret } from '#shared/base/bytes.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { ReviewShown } from '#shared/contracts/access-review.ts';
import { digestOfRight, digestOfRows } from '#shared/log/check-review.ts';
import { appendRecord } from '../log/append-record.ts';
import type { Db, Trx } from '../store/open-store.ts';
import type { ReviewRowTable } from '../store/review-tables.ts';
import type { Acting } from './acting.ts';
import { requireReviewer } from './find-review.ts';
import type { Frozen } from './freeze-rights.ts';
import { showReview } from './read-review.ts';

export interface ReviewOrder {
  readonly name: string;
  readonly about?: string | undefined;
  readonly due: number;
  readonly reviewer?: string | undefined;
  readonly scope: ReviewShown['scope'];
}

/** More are more than people judge: a scope makes several reviews of them. */
const mostRows = 100_000;
const atOnce = 200;

/** What can be refused before the rights are looked for. Throws `bad-request`, `conflict`, `not-found`. */
export async function checkOrder(db: Db, now: number, order: ReviewOrder): Promise<void> {
  const known = await db.selectFrom('reviews').select('name').where('name', '=', order.name).executeTakeFirst();
  if (known !== undefined)
    throw refuse('conflict', `There was an access review "${order.name}" already: take another name.`);
  if (order.due <= now) throw refuse('bad-request', 'The review would be due before it begins.');
  if (order.reviewer !== undefined) await requireReviewer(db, order.reviewer);
  const { apps = [], groups = [], people = [] } = order.scope;
  const missing = [
    ...(await unknownOf(db, 'apps', apps)).map((id) => `app "${id}"`),
    ...(await unknownOf(db, 'groups', groups)).map((id) => `group "${id}"`),
    ...(await unknownOf(db, 'people', people)).map((id) => `person "${id}"`),
  ];
  if (missing.length > 0) throw refuse('not-found', `There is no ${missing.join(', no ')}.`);
}

/** In one transaction with its record. Throws `conflict` when the name was taken meanwhile, or there is nothing to judge. */
export async function startReview(
  trx: Trx,
  at: number,
  { order, frozen, by }: { readonly order: ReviewOrder; readonly frozen: Frozen; readonly by: Acting },
): Promise<ReviewShown> {
  const { name, about, due, reviewer, scope } = order;
  const { epoch, rights } = frozen;
  if (rights.length === 0)
    throw refuse('conflict', 'Nobody can reach anything in this scope: there is nothing to review.');
  if (rights.length > mostRows)
    throw refuse(
      'conflict',
      `These are ${rights.length} rights: narrow the scope, at most ${mostRows} fit into a review.`,
    );
  const rows = rights.map((right, index): ReviewRowTable => {
    const { person, app, policies, groups, conditions, devices, lastUsed, since } = right;
    const salt = randomSecret(16);
    return {
      ...{ review: name, n: index + 1, person_id: person, app_id: app, salt },
      held: JSON.stringify({ policies, groups, conditions, devices }),
      last_used: lastUsed ?? null,
      since: since ?? null,
      digest: digestOfRight(salt, { row: index + 1, ...right }),
      // Nobody judges what they have themselves.
      reviewer: reviewer === undefined || reviewer === person ? null : reviewer,
      ...{ decision: null, reason: null, decided_by: null, decided_at: null, by_default: 0 },
    };
  });
  const digest = digestOfRows(rows.map((row) => row.digest));
  const review = {
    ...{ name, about: about ?? null, state: 'open', scope: JSON.stringify(scope), epoch, digest, due },
    ...{ created_by: by.actor, started_at: at, closed_by: null, closed_at: null },
  };
  const taken = await trx
    .insertInto('reviews')
    .values(review)
    .onConflict((one) => one.doNothing())
    .executeTakeFirst();
  if (taken.numInsertedOrUpdatedRows === 0n) throw refuse('conflict', `There is an access review "${name}" already.`);
  for (let first = 0; first < rows.length; first += atOnce)
    await trx
      .insertInto('review_rows')
      .values(rows.slice(first, first + atOnce))
      .execute();
  const { people, ...narrowed } = scope;
  // Nobody is named here: what an erasing took of this record would take what the rows are proved by.
  const told = { ...narrowed, ...(people === undefined ? {} : { people: people.length }) };
  const details = { review: name, scope: told, rows: rows.length, digest, due };
  await appendRecord(trx, at, { ...by, kind: 'review', event: 'review-started', epoch, details });
  const given = rows.filter((row) => row.reviewer !== null).map(({ n }) => n);
  if (reviewer !== undefined && given.length > 0)
    await appendRecord(trx, at, {
      ...{ ...by, kind: 'review', event: 'review-assigned' },
      details: { review: name, reviewer, rows: given },
    });
  return showReview(trx, review);
}

async function unknownOf(db: Db, table: 'apps' | 'groups' | 'people', ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await db.selectFrom(table).select('id').where('id', 'in', ids).execute();
  return ids.filter((id) => !rows.some((row) => row.id === id));
}

const refuse = (code: 'conflict' | 'bad-request' | 'not-found', tell: string) => new PosternError(code, tell, { tell });
