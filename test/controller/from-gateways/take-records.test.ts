import t from 'tap';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { takeRecords } from '../../../controller/from-gateways/take-records.ts';

import { openStore } from '../../../controller/store/open-store.ts';
import { storedRecords } from '../../support/stored-records.ts';

const record = (seq: number, over: Partial<AccessRecord> = {}) => ({
  seq,
  record: {
    id: `rec_${String(seq).padStart(10, '0')}`,
    time: seq,
    kind: 'access',
    phase: 'single',
    trace: 'a'.repeat(32),
    verdict: 'deny',
    reasons: ['grant-missing'],
    gateway: 'gw1',
    ...over,
  } satisfies AccessRecord,
});
const spool = 'spool-0000000001';

t.test('P24 a batch sent twice is stored once, and a gap is not jumped over', async (t) => {
  const store = await openStore(':memory:');
  const batch = { gateway: 'gw1', spool, records: [record(1), record(2)] };
  t.same(await takeRecords(store.db, 1, batch), { through: 2 });
  t.same(await takeRecords(store.db, 2, batch), { through: 2 });
  t.same(await takeRecords(store.db, 3, { ...batch, records: [record(4)] }), { through: 2 }, 'number 3 is missing');
  t.same(await takeRecords(store.db, 4, { ...batch, records: [record(2), record(3), record(4)] }), { through: 4 });
  t.same(
    (await storedRecords(store.db)).map((found) => found.time),
    [1, 2, 3, 4],
  );
  await store.stop();
});

t.test('P24 the same place with other content is an alarm, and the first content stays', async (t) => {
  const store = await openStore(':memory:');
  await takeRecords(store.db, 1, { gateway: 'gw1', spool, records: [record(1)] });
  await takeRecords(store.db, 2, { gateway: 'gw1', spool, records: [record(1, { verdict: 'allow' })] });
  const records = await storedRecords(store.db);
  t.match(records, [{ verdict: 'deny' }, { kind: 'log', event: 'record-rewritten', details: { seq: 1 } }]);
  await store.stop();
});

t.test(
  'numbers of policies have the names of their version, and names that a gateway sends are not believed',
  async (t) => {
    const store = await openStore(':memory:');
    const version = { files: '[]', tests: '[]', by: 'owner', message: '', at: 0, in_force: 0 };
    await store.db
      .insertInto('policy_versions')
      .values([
        { ...version, epoch: 1, names: '["a","b","c"]' },
        { ...version, epoch: 2, names: '["c","a"]' },
        { ...version, epoch: 3 },
      ])
      .execute();
    const told = [
      { epoch: 1, numbers: [2, 0] },
      { epoch: 2, numbers: [0] },
      { epoch: 2, numbers: [0, 7] },
      { epoch: 3, numbers: [1] },
      { epoch: 9, numbers: [1] },
      { numbers: [1] },
      { epoch: 1, policies: ['staff'], numbers: [1] },
      { epoch: 1, policies: ['staff'] },
    ];
    const records = told.map((over, at) => record(at + 1, over));
    t.same(await takeRecords(store.db, 1, { gateway: 'gw1', spool, records }), { through: 8 });
    t.same(
      await takeRecords(store.db, 1, { gateway: 'gw1', spool, records }),
      { through: 8 },
      'P24 sent again: no alarm',
    );
    const kept = await storedRecords(store.db);
    t.same(
      kept.map(({ policies, numbers }) => [policies, numbers]),
      [
        [['a', 'c'], undefined],
        [['c'], undefined],
        [['c'], [7]],
        [undefined, [1]],
        [undefined, [1]],
        [undefined, [1]],
        [['b'], undefined],
        [undefined, undefined],
      ],
    );
    await store.stop();
  },
);

t.test('P1 a gateway cannot write in the name of another', async (t) => {
  const store = await openStore(':memory:');
  const order = { gateway: 'gw1', spool, records: [record(1, { gateway: 'gw2' })] };
  await t.rejects(takeRecords(store.db, 1, order), { code: 'bad-request' });
  await t.rejects(takeRecords(store.db, 1, { ...order, records: [record(1, { kind: 'admin' })] }), {
    code: 'bad-request',
  });
  t.same(await storedRecords(store.db), []);
  await store.stop();
});
