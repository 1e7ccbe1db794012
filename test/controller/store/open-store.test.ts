import { existsSync } from 'node:fs';
import t from 'tap';
import { nextChange, nextChangeWith, readChange } from '../../../controller/store/changes.ts';
import { openStore } from '../../../controller/store/open-store.ts';

t.test('a store keeps what it was given, through a restart and in a backup', async (t) => {
  const dir = t.testdir();
  const store = await openStore(`${dir}/a.db`);
  await store.db.insertInto('sites').values({ id: 'main', name: 'Main' }).execute();
  store.backup(`${dir}/b.db`);
  await store.stop();
  for (const file of ['a.db', 'b.db']) {
    const again = await openStore(`${dir}/${file}`);
    t.same(await again.db.selectFrom('sites').selectAll().execute(), [{ id: 'main', name: 'Main' }]);
    await again.stop();
  }
  t.ok(existsSync(`${dir}/b.db`));
});

t.test('P13 a change number is taken inside the transaction and returned with it when that fails', async (t) => {
  const store = await openStore(':memory:');
  t.equal(await readChange(store.db), 0);
  t.equal(await store.db.transaction().execute((trx) => nextChange(trx, 1)), 1);
  await t.rejects(
    store.db.transaction().execute(async (trx) => {
      await nextChange(trx, 2);
      throw new Error('rolled back');
    }),
  );
  const n = await store.db
    .transaction()
    .execute((trx) => nextChangeWith(trx, 3, (seen) => [{ kind: 'deny', id: `device/n${seen}` }]));
  t.equal(n, 2);
  t.equal(await readChange(store.db), 2);
  t.match(await store.db.selectFrom('changes').selectAll().execute(), [
    { n: 2, changes: '[{"kind":"deny","id":"device/n2"}]' },
  ]);
  await store.stop();
});
