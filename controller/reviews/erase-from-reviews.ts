/** Reviews when a person is erased (P34): their rows tell of nobody, and the digests of what was frozen stay, which tell nothing without the salt. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { hour } from '#shared/base/clock.ts';
import type { ReviewShown } from '#shared/contracts/access-review.ts';
import { erasedPerson } from '#shared/log/check-review.ts';
import { isNamed } from '../log/erase-from-record.ts';
import type { Db, Trx } from '../store/open-store.ts';
import type { ReviewRowTable } from '../store/review-tables.ts';

const bare = JSON.stringify({ policies: [], groups: [], conditions: [], devices: 0 });
/** Rows in one transaction, so that nobody waits long. */
const atOnce = 500;
/** The clock of another controller on the store may be so far behind. */
const slackMs = hour;

const columns = ['review', 'n', 'person_id', 'reason', 'reviewer', 'decided_by'] as const;
type Row = Pick<ReviewRowTable, (typeof columns)[number]>;

/**
 * Nearly all of it, in steps of which each is a transaction; again and again without harm, so that what is cut short begins anew. The person is still
 * known then, and what comes meanwhile is for `eraseFromReviews`.
 */
export async function eraseReviewRows(db: Db, person: string): Promise<void> {
  const names = await namesOf(db, person);
  for (const { name } of await db.selectFrom('reviews').select('name').orderBy('name').execute())
    for (let after: number | undefined = 0; after !== undefined; await nextTurn()) {
      const from: number = after;
      after = await db.transaction().execute(async (trx) => {
        const rows = await trx
          .selectFrom('review_rows')
          .select([...columns])
          .where('review', '=', name)
          .where('n', '>', from)
          .orderBy('n')
          .limit(atOnce)
          .execute();
        await eraseRows(trx, rows, person, names);
        return rows.length < atOnce ? undefined : rows.at(-1)!.n;
      });
    }
}

/** In the transaction that ends the erasure: what is about reviews themselves, and what was decided or begun since `since`, when the steps were. */
export async function eraseFromReviews(trx: Trx, person: string, since: number): Promise<void> {
  const names = await namesOf(trx, person);
  for (const review of await trx.selectFrom('reviews').select(['name', 'about', 'scope']).execute()) {
    const { people, ...scope } = JSON.parse(review.scope) as ReviewShown['scope'];
    const isAbout = review.about !== null && isNamed(review.about, names);
    if (!isAbout && people?.includes(person) !== true) continue;
    const left =
      people === undefined ? scope : { ...scope, people: people.map((id) => (id === person ? erasedPerson : id)) };
    await trx
      .updateTable('reviews')
      .set({ about: isAbout ? null : review.about, scope: JSON.stringify(left) })
      .where('name', '=', review.name)
      .execute();
  }
  const rows = await trx
    .selectFrom('review_rows')
    .select([...columns])
    .where((eb) =>
      eb.or([
        eb('person_id', '=', person),
        eb('reviewer', '=', person),
        eb('decided_by', '=', person),
        eb('decided_at', '>=', since - slackMs),
      ]),
    )
    .execute();
  await eraseRows(trx, rows, person, names);
}

async function namesOf(db: Db, person: string): Promise<string[]> {
  const row = await db.selectFrom('people').select(['name', 'email']).where('id', '=', person).executeTakeFirst();
  return [person, row?.name, row?.email].filter((name) => name != null && name !== '') as string[];
}

async function eraseRows(trx: Trx, rows: readonly Row[], person: string, names: readonly string[]): Promise<void> {
  for (const { review, n, person_id, reason, reviewer, decided_by } of rows) {
    const isOwn = person_id === person;
    const left = {
      ...(isOwn ? { person_id: erasedPerson, held: bare, last_used: null, since: null, salt: null } : {}),
      ...(reason !== null && reason !== '' && (isOwn || isNamed(reason, names)) ? { reason: '' } : {}),
      ...(reviewer === person ? { reviewer: erasedPerson } : {}),
      ...(decided_by === person ? { decided_by: erasedPerson } : {}),
    };
    if (Object.keys(left).length > 0)
      await trx.updateTable('review_rows').set(left).where('review', '=', review).where('n', '=', n).execute();
  }
}
