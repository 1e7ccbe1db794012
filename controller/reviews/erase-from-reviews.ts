/** Reviews when a person is erased (P34): their rows tell of nobody, and the digests of what was frozen stay, which tell nothing without the salt. */
import type { ReviewShown } from '#shared/contracts/access-review.ts';
import { erasedPerson } from '#shared/log/check-review.ts';
import { isNamed } from '../log/erase-from-record.ts';
import type { Trx } from '../store/open-store.ts';

const bare = JSON.stringify({ policies: [], groups: [], conditions: [], devices: 0 });
const page = 1000;

/** Who decided and who reviews is changed with all other columns of that kind. */
export async function eraseFromReviews(trx: Trx, person: string): Promise<void> {
  const own = trx.updateTable('review_rows').where('person_id', '=', person);
  await own.set({ reason: '' }).where('reason', 'is not', null).execute();
  await own.set({ person_id: erasedPerson, held: bare, last_used: null, since: null, salt: null }).execute();
  const row = await trx.selectFrom('people').select(['name', 'email']).where('id', '=', person).executeTakeFirst();
  const names = [person, row?.name, row?.email].filter((name) => name != null && name !== '') as string[];
  for (const review of await trx.selectFrom('reviews').select(['name', 'about', 'scope']).execute()) {
    const { people, ...scope } = JSON.parse(review.scope) as ReviewShown['scope'];
    const left =
      people === undefined ? scope : { ...scope, people: people.map((id) => (id === person ? erasedPerson : id)) };
    const about = review.about !== null && isNamed(review.about, names) ? null : review.about;
    await trx
      .updateTable('reviews')
      .set({ about, scope: JSON.stringify(left) })
      .where('name', '=', review.name)
      .execute();
    await eraseReasons(trx, review.name, names);
  }
}

async function eraseReasons(trx: Trx, review: string, names: readonly string[]): Promise<void> {
  for (let after = 0; ; ) {
    const rows = await trx
      .selectFrom('review_rows')
      .select(['n', 'reason'])
      .where('review', '=', review)
      .where('n', '>', after)
      .where('reason', 'is not', null)
      .orderBy('n')
      .limit(page)
      .execute();
    for (const { n, reason } of rows)
      if (isNamed(reason ?? '', names))
        await trx
          .updateTable('review_rows')
          .set({ reason: '' })
          .where('review', '=', review)
          .where('n', '=', n)
          .execute();
    if (rows.length < page) return;
    after = rows.at(-1)!.n;
  }
}
