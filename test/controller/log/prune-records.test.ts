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
  t.match(await pruneRecords(store, 5000), { removed: 2999, heldBy: [] }, 'all but the newest of the spool');
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

t.test('what a stream to a SIEM has not delivered stays, and the stream is named', async (t) => {
  const store = await openStore(':memory:');
  t.teardown(() => store.stop());
  for (const time of [1000, 2000, 3000, 9000])
    await appendRecord(store.db, time, { kind: 'controller', event: 'initialised' });
  const stream = { kind: 'file', format: 'json', settings: '{}', sealed: '', state: 'running', until: null };
  const counts = { delivered: 0, delivered_at: null, set_aside: 0, set_aside_at: null };
  const made = { created_by: 'olivia', created_at: 1, lease_by: '', lease_until: 0 };
  for (const [name, position] of [
    ['slow', 1],
    ['quick', 4],
  ] as const)
    await store.db
      .insertInto('log_streams')
      .values({ name, position, ...stream, ...counts, ...made })
      .execute();
  t.same(await pruneRecords(store, 5000), { removed: 1, heldBy: ['slow'] });
  await store.db.deleteFrom('log_streams').where('name', '=', 'slow').execute();
  t.same(await pruneRecords(store, 5000), { removed: 2, heldBy: [] });
});
