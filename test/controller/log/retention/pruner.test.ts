import { statSync } from 'node:fs';
import t, { type Test } from 'tap';
import { takeRecords } from '../../../../controller/from-gateways/take-records.ts';
import { snapshotFacts } from '../../../../controller/grants/snapshot-facts.ts';
import { appendRecord } from '../../../../controller/log/append-record.ts';
import { Pruner } from '../../../../controller/log/retention/pruner.ts';
import { beginPruning, endPruning, stepPruning } from '../../../../controller/log/retention/prunings.ts';
import { setAge } from '../../../../controller/log/retention/retention-ages.ts';
import { openStore, type Store } from '../../../../controller/store/open-store.ts';
import { day, hour } from '../../../../shared/base/clock.ts';
import { silentLog } from '../../../../shared/base/log.ts';
import type { AccessRecord, RecordKind } from '../../../../shared/contracts/record.ts';
import { keepLog } from '../../../support/kept-log.ts';
import { goodFacts } from '../../../support/policy-facts.ts';
import { storedRecords } from '../../../support/stored-records.ts';

const now = 1000 * day;

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

function prunerOf(store: Store, { at = now, log = silentLog, floor = day, workMs = 60_000 } = {}) {
  const clock = { now: () => at };
  return new Pruner({ store, clock, log, floor, workMs });
}

async function openMemory(t: Test): Promise<Store> {
  const store = await openStore(':memory:');
  t.teardown(() => store.stop());
  return store;
}

/** One record of each of some kinds, as old as told. */
async function append(store: Store, days: readonly number[], kind: 'controller' | 'device' = 'controller') {
  for (const one of days) {
    const draft =
      kind === 'device'
        ? { kind, event: 'renewed-expired' as const, person: 'emil', device: 'dev_emil0000', app: 'wiki' }
        : { kind, event: 'started' as const };
    await appendRecord(store.db, now - one * day, draft);
  }
}

const age = (store: Store, kind: RecordKind | 'default', days: number | null, at = now) =>
  store.db
    .transaction()
    .execute((trx) => setAge(trx, at, { kind, age: days === null ? null : days * day, floor: day }));

/** How old what is left is, but for what tells of prunings. */
const left = async (store: Store) =>
  (await storedRecords(store.db)).filter(({ kind }) => kind !== 'log').map(({ time }) => (now - time) / day);
const told = async (store: Store, event: string) =>
  (await storedRecords(store.db)).filter((record) => record.event === event);

t.test('P24 pruning makes room on the disk and leaves delivery its place', async (t) => {
  const file = `${t.testdir()}/controller.db`;
  const store = await openStore(file);
  t.teardown(() => store.stop());
  const lines = Array.from({ length: 3000 }, (_, index) => ({ seq: index + 1, record: record(index + 1) }));
  const batch = { gateway: 'gw-1', spool: 'spl_00000001' };
  for (let at = 0; at < 3000; at += 1000)
    await takeRecords(store.db, 1, { ...batch, records: lines.slice(at, at + 1000) });
  await append(store, [0]);
  await store.giveBack();
  const before = statSync(file).size;
  const pruned = await prunerOf(store).prune(5000, { actor: 'olga' });
  t.match(pruned, { removed: 2999, first_time: 1, last_time: 2999 }, 'all but the newest of the spool');
  t.same(
    (await store.db.selectFrom('records').select('time').orderBy('time').execute()).map(({ time }) => time),
    [3000, now, now, now],
  );
  const changed = await store.db.selectFrom('records_changed').select(['first', 'last']).orderBy('n').execute();
  t.equal(
    changed.reduce((sum, { first, last }) => sum + last - first + 1, 0),
    2999,
    'the index of search is told of each',
  );
  t.ok(statSync(file).size < before / 4, `${before} bytes became ${statSync(file).size}`);
  const next = { seq: 3001, record: record(3001) };
  t.same(await takeRecords(store.db, 1, { ...batch, records: [lines[2999]!, next] }), { through: 3001 });
});

t.test('what a stream to a SIEM has not delivered stays, and the stream is named', async (t) => {
  const store = await openMemory(t);
  await append(store, [30, 20, 10, 0]);
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
  const pruner = prunerOf(store);
  t.match(await pruner.prune(now - 5 * day, {}), { removed: 1 });
  t.match((await told(store, 'pruned')).at(-1), { details: { heldBy: ['slow'] } });
  await store.db.deleteFrom('log_streams').where('name', '=', 'slow').execute();
  t.match(await pruner.prune(now - 5 * day, {}), { removed: 2 });
  t.match((await told(store, 'pruned')).at(-1), { details: { heldBy: [] } });
});

t.test('the ages that are set are applied once a day, by kind, on record, and never below the floor', async (t) => {
  const store = await openMemory(t);
  await append(store, [400, 100, 50, 1]);
  await append(store, [400, 100, 50, 1], 'device');
  const pruner = prunerOf(store, { floor: 60 * day });
  await pruner.look(now);
  t.equal((await left(store)).length, 8, 'for ever, unless told');
  await age(store, 'default', 10);
  await age(store, 'device', 200);
  pruner.wake();
  await pruner.look(now);
  t.same(
    (await left(store)).sort((a, b) => a - b),
    [1, 1, 50, 50, 100],
    'ten days are less than the floor of today',
  );
  const [begun] = await told(store, 'prune-begun');
  t.match(begun, {
    details: { cause: 'retention', cutoffs: [{ kind: 'default', before: now - 60 * day }, { kind: 'device' }] },
  });
  t.match(await told(store, 'pruned'), [
    {
      details: {
        removed: 3,
        kinds: [
          { kind: 'controller', count: 2 },
          { kind: 'device', count: 1 },
        ],
        from: now - 400 * day,
        to: now - 100 * day,
      },
    },
  ]);
  await append(store, [70]);
  await pruner.look(now + hour);
  t.equal((await told(store, 'pruned')).length, 1, 'not before tomorrow');
  await pruner.look(now + day);
  t.equal((await told(store, 'pruned')).length, 2);
  await pruner.look(now + 2 * day - 1);
  await pruner.look(now + 3 * day - 2);
  t.equal((await told(store, 'pruned')).length, 2, 'a day on which nothing goes leaves no record');
});

t.test('a pruning that was cut short is gone on with, and what it took is told as one', async (t) => {
  const store = await openMemory(t);
  await append(
    store,
    Array.from({ length: 1300 }, (_, n) => 2000 - n),
  );
  await age(store, 'default', 100);
  for (let starts = 0; starts < 20; starts += 1) {
    const pruner = prunerOf(store, { workMs: 0 });
    await pruner.look(now);
    if ((await told(store, 'pruned')).length > 0) break;
    if (starts === 1) t.match(await store.db.selectFrom('prunings').selectAll().execute(), [{ removed: 400 }]);
    await pruner.stop();
  }
  t.equal((await left(store)).length, 0);
  t.equal((await told(store, 'prune-begun')).length, 1);
  t.match(await told(store, 'pruned'), [{ details: { removed: 1300 } }]);
});

t.test('of two controllers one prunes at a time, and each pruning is told once', async (t) => {
  const store = await openMemory(t);
  const { db } = store;
  await append(store, [50, 0]);
  const busy = { code: 'conflict', tell: /Another controller/ };
  const plan = { cause: 'order', cutoffs: { rest: now - 10 * day, kinds: {} }, through: 100 } as const;
  const begin = () => db.transaction().execute((trx) => beginPruning(trx, now, plan, { actor: 'olga' }));
  const begun = await begin();
  await t.rejects(begin(), busy);
  const limits = { at: now, floor: day };
  const step = () => db.transaction().execute((trx) => stepPruning(trx, begun, limits));
  const next = (await step())!;
  await t.rejects(step(), busy);
  const ends = await Promise.allSettled([endPruning(db, limits, next, {}), endPruning(db, limits, next, {})]);
  t.match(
    ends.flatMap((one) => (one.status === 'rejected' ? [one.reason] : [])),
    [busy],
  );
  t.match(await told(store, 'pruned'), [{ details: { removed: 1 } }]);
  t.equal((await told(store, 'pruned')).length, 1);
  t.same(await left(store), [0]);
});

t.test('what explains the log itself is never pruned', async (t) => {
  const store = await openMemory(t);
  const old = now - 500 * day;
  const ofIt = [
    'pruned',
    'prune-begun',
    'retention-set',
    'floor-set',
    'hold-added',
    'hold-released',
    'erased',
  ] as const;
  for (const event of ofIt) await appendRecord(store.db, old, { kind: 'log', event });
  await appendRecord(store.db, old, { kind: 'log', event: 'records-read' });
  t.match(await prunerOf(store).prune(now - 5 * day, {}), { removed: 1 });
  t.equal((await told(store, 'records-read')).length, 0);
});

t.test('nothing below the floor is pruned by order', async (t) => {
  const store = await openMemory(t);
  await append(store, [170]);
  const pruner = prunerOf(store, { floor: 180 * day });
  await t.rejects(pruner.prune(now - 179 * day, {}), { code: 'bad-request', tell: /180 days at least/ });
  await t.rejects(pruner.count(now - 179 * day), { code: 'bad-request' });
  await t.rejects(
    store.db.transaction().execute((trx) => setAge(trx, now, { kind: 'access', age: 179 * day, floor: 180 * day })),
    { code: 'bad-request', tell: /180 days at least/ },
  );
  t.equal((await left(store)).length, 1);
});

t.test('a clock that leaps has retention wait for a day, through restarts', async (t) => {
  const store = await openMemory(t);
  await append(store, [0]);
  await age(store, 'default', 100);
  await prunerOf(store).look(now);
  const later = now + 3000 * day;
  const { log, lines } = keepLog();
  await prunerOf(store, { log, at: later }).look(later);
  t.match(lines, [{ msg: /clock leapt.*nothing is pruned for a day/ }]);
  for (let hours = 1; hours < 24; hours += 1) await prunerOf(store, { at: later }).look(later + hours * hour);
  t.equal((await left(store)).length, 1, 'whatever starts in between');
  await prunerOf(store).look(now + 3 * hour);
  t.equal((await left(store)).length, 1, 'it was set right again, which is another leap');
  for (let hours = 0; hours <= 27; hours += 1) await prunerOf(store, { at: later }).look(later + hours * hour);
  t.equal((await left(store)).length, 0);
});

t.test('snapshots of facts go with the last record that can rest on them', async (t) => {
  const store = await openMemory(t);
  const snapshots = () => store.db.selectFrom('fact_snapshots').select('last_at').execute();
  const other = { ...goodFacts, network: { address: '192.0.2.9' } };
  await store.db.transaction().execute(async (trx) => {
    await snapshotFacts(trx, now - 400 * day, goodFacts);
    await snapshotFacts(trx, now - 400 * day, other);
    await snapshotFacts(trx, now - 10 * day, other);
  });
  await append(store, [400]);
  t.match(await prunerOf(store).count(now - 100 * day), { records: 1 });
  await prunerOf(store).prune(now - 100 * day, {});
  t.same(await snapshots(), [{ last_at: now - 10 * day }]);
  t.match(await told(store, 'pruned'), [{ details: { snapshots: 1 } }]);
  await age(store, 'access', null);
  await age(store, 'default', 5);
  await append(store, [300]);
  await prunerOf(store).look(now);
  t.equal((await snapshots()).length, 1, 'while a kind stays for ever, so do they');
});
