import { statSync } from 'node:fs';
import t from 'tap';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { takeRecords } from '../../../controller/from-gateways/take-records.ts';
import { appendRecord } from '../../../controller/log/append-record.ts';
import { pruneRecords } from '../../../controller/log/prune-records.ts';
import { openStore } from '../../../controller/store/open-store.ts';

const record = (n: number): AccessRecord => ({
  id: `rec_${String(n).padStart(8, '0')}`,
  time: n,
  kind: 'access',
  phase: 'single',
  trace: String(n).padStart(32, '0'),
  verdict: 'deny',
  reasons: ['no-permit'],
  gateway: 'gw-1',
  request: { method: 'GET', host: 'wiki.test', path: `/${'x'.repeat(900)}` },
});

t.test('P24 pruning makes room on the disk and leaves delivery its place', async (t) => {
  const file = `${t.testdir()}/controller.db`;
  const store = await openStore(file);
  t.teardown(() => store.stop());
  const lines = Array.from({ length: 3000 }, (_, index) => ({ seq: index + 1, record: record(index + 1) }));
  const batch = { gateway: 'gw-1', spool: 'spl_00000001' };
  for (let at = 0; at < 3000; at += 1000)
    await takeRecords(store.db, 1, { ...batch, records: lines.slice(at, at + 1000) });
  await appendRecord(store.db, 9000, { kind: 'controller', event: 'initialised' });
  await store.giveBack();
  const before = statSync(file).size;
  t.equal(await pruneRecords(store, 5000), 2999, 'all but the newest of the spool');
  t.same(
    (await store.db.selectFrom('records').select('time').orderBy('time').execute()).map(({ time }) => time),
    [3000, 9000],
  );
  const told = await store.db.selectFrom('records_changed').select(['first', 'last']).orderBy('n').execute();
  t.equal(
    told.reduce((sum, { first, last }) => sum + last - first + 1, 0),
    2999,
    'the index of search is told of each',
  );
  t.ok(statSync(file).size < before / 4, `${before} bytes became ${statSync(file).size}`);
  const next = { seq: 3001, record: record(3001) };
  t.same(await takeRecords(store.db, 1, { ...batch, records: [lines[2999]!, next] }), { through: 3001 });
});
