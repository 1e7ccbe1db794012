import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { silentLog } from '#shared/base/log.ts';
import { takeRecords } from '../../../controller/from-gateways/take-records.ts';
import { openStore } from '../../../controller/store/open-store.ts';
import { RecordDelivery } from '../../../gateway/records/deliver-records.ts';
import { OwnRecords } from '../../../gateway/records/own-records.ts';
import { SpoolDirectory } from '../../../gateway/records/spool-directory.ts';
import { storedRecords } from '../../support/stored-records.ts';

async function world(t: Test) {
  const dir = t.testdir();
  const directory = new SpoolDirectory(join(dir, 'spool'));
  const store = await openStore(':memory:');
  t.teardown(() => store.stop());
  const state = { now: 1000, counts: {} as Record<string, number> };
  const gateway = 'gw-1';
  const time = () => state.now;
  const parts = { gateway, dir, directory, maxBytes: 1e9, time, knocks: async () => state.counts, log: silentLog };
  return {
    dir,
    state,
    make: () => new OwnRecords(parts),
    async told() {
      const send = (spool: string, records: Parameters<typeof takeRecords>[2]['records']) =>
        takeRecords(store.db, state.now, { gateway, spool, records });
      await new RecordDelivery({ gateway: 'gw-1', directory, log: silentLog, send }).stop();
      return (await storedRecords(store.db)).map(({ kind, event, details }) => [kind, event, details]);
    },
    take: (record: object) => {
      const whole = {
        id: 'rec_000000000001',
        time: 1,
        phase: 'single',
        trace: 'a'.repeat(32),
        verdict: 'none',
        reasons: [],
      };
      const records = [{ seq: 1, record: { ...whole, gateway, ...record } as never }];
      return takeRecords(store.db, 1, { gateway, spool: 'spl_00000009', records });
    },
  };
}

t.test('a gateway tells its starts, its ends, and ends that were not in order', async (t) => {
  const { make, told, state, dir } = await world(t);
  make().stop(); // one that never served has nothing to tell
  const first = make();
  first.begin();
  state.now = 2000;
  first.stop();
  const second = make();
  second.begin();
  state.now = 3000; // killed: the file that says so stays
  const third = make();
  third.begin();
  third.stop();
  writeFileSync(join(dir, 'running'), '{"star');
  const fourth = make();
  fourth.begin();
  fourth.stop();
  second.stop();
  const expected = [
    ['gateway', 'started', undefined],
    ['gateway', 'stopped', { startedAt: 1000 }],
    ['gateway', 'started', undefined],
    ['gateway', 'ended-unclean', { startedAt: 2000, seenAt: 2000 }],
    ['gateway', 'started', undefined],
    ['gateway', 'stopped', { startedAt: 3000 }],
    ['gateway', 'ended-unclean', {}],
    ['gateway', 'started', undefined],
    ['gateway', 'stopped', { startedAt: 3000 }],
    ['gateway', 'stopped', { startedAt: 2000 }],
  ];
  const sorted = (list: unknown[]) => list.map((one) => JSON.stringify(one)).toSorted();
  t.same(sorted(await told()), sorted(expected));
});

t.test('P25 what became of knocks is told where somebody was refused', async (t) => {
  const { make, told, state } = await world(t);
  const own = make();
  own.begin();
  state.counts = { good: 3 };
  await own.tellKnocks();
  state.counts = { good: 4, unknown: 7 };
  await own.tellKnocks();
  own.stop();
  t.same((await told())[1], ['gateway', 'knocks', { good: 1, unknown: 7 }]);
});

t.test('P24 of itself a gateway tells these things and no others, and of nobody', async (t) => {
  const { take } = await world(t);
  for (const wrong of [
    { kind: 'gateway', event: 'joined' },
    { kind: 'gateway', event: 'started', person: 'emil' },
    { kind: 'gateway', event: 'started', actor: 'emil' },
    { kind: 'gateway' },
    { kind: 'controller', event: 'started' },
    { kind: 'log', event: 'pruned' },
    { kind: 'access', event: 'erased' },
  ])
    await t.rejects(take(wrong), { code: 'bad-request' }, JSON.stringify(wrong));
  t.same(await take({ kind: 'gateway', event: 'paused' }), { through: 1 });
});
