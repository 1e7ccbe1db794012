import t from 'tap';
import { BatchedTransactions } from '../../../controller/store/batched-transactions.ts';
import { openStore, type Trx } from '../../../controller/store/open-store.ts';

const add = (id: string) => (trx: Trx) =>
  trx
    .insertInto('sites')
    .values({ id, name: id })
    .execute()
    .then(() => id);

t.test('pieces of work share transactions, and a failing one fails alone', async (t) => {
  const store = await openStore(':memory:');
  const batch = new BatchedTransactions(store.db, 4);
  const seen: Trx[] = [];
  const names = await Promise.all(
    ['a', 'b', 'c', 'd', 'e', 'f'].map((id) =>
      batch.run((trx) => {
        seen.push(trx);
        return add(id)(trx);
      }),
    ),
  );
  t.same(names, ['a', 'b', 'c', 'd', 'e', 'f']);
  t.equal(new Set(seen).size, 2, 'four and two');
  const outcomes = await Promise.allSettled([batch.run(add('g')), batch.run(add('a')), batch.run(add('h'))]);
  t.same(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  const rows = await store.db.selectFrom('sites').select('id').orderBy('id').execute();
  t.same(rows.map(({ id }) => id).join(''), 'abcdefgh');
  await store.stop();
});
