/**
 * P24: a gateway that was taken over tells of accesses that were none: by grants that nobody gave, of people who had no part in them, of apps that are not its
 * own. What it tells is kept, and held against the records of the grants, which are the controller's.
 */
import t, { type Test } from 'tap';
import { day, minute, second } from '#shared/base/clock.ts';
import { grantReach } from '#shared/contracts/grant.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { timeToleranceMs } from '../../controller/from-gateways/judge-time.ts';
import { takeRecords } from '../../controller/from-gateways/take-records.ts';
import { appendRecord } from '../../controller/log/append-record.ts';
import { noteRestored } from '../../controller/store/generation.ts';
import { openStore } from '../../controller/store/open-store.ts';
import { addGatewayRow } from '../support/add-gateway-row.ts';
import { storedRecords } from '../support/stored-records.ts';

const gateway = 'gw-1';
const now = Date.UTC(2026, 10, 20);
const facts = 'f'.repeat(64);
const grant = 'gr_000000000000000a';
const claims = { person: 'emil', device: 'dev_aaaaaaaa', session: 'ses_aaaaaaaa', app: 'wiki', epoch: 3 };
const given = { ...claims, kind: 'grant', verdict: 'allow', grant, facts } as const;
const appFacts = { kind: 'http', site: 'main', groups: [] };
const access = {
  ...claims,
  grant,
  phase: 'opening',
  verdict: 'allow',
  reasons: ['grant-valid'],
} satisfies Partial<AccessRecord>;

async function open(t: Test) {
  const { db, stop } = await openStore(':memory:');
  t.teardown(stop);
  await addGatewayRow(db, { id: gateway, site: 'main' });
  await appendRecord(db, now, { ...given, appFacts });
  let seq = 0;
  const deliver = async (...records: Partial<AccessRecord>[]) => {
    const lines = records.map((over) => {
      seq += 1;
      const id = `rec_told${String(seq).padStart(12, '0')}`;
      const record = {
        id,
        time: now,
        kind: 'access',
        trace: 'a'.repeat(32),
        gateway,
        ...access,
        ...over,
      } as AccessRecord;
      for (const [name, value] of Object.entries(record))
        if (value === undefined) delete record[name as keyof AccessRecord];
      return { seq, record };
    });
    await takeRecords(db, now + day, { gateway, spool: 'spl_00000001', records: lines });
  };
  const alarms = async () => (await storedRecords(db)).filter(({ event }) => event?.startsWith('record-'));
  return { db, deliver, alarms };
}

const lies: Readonly<Record<string, Partial<AccessRecord>>> = {
  'no-grant': { grant: undefined },
  'no-such-grant': { grant: 'gr_00000000000000ff' },
  'other-person': { person: 'olivia' },
  'other-device': { device: 'dev_bbbbbbbb' },
  'other-session': { session: 'ses_bbbbbbbb' },
  'other-app': { app: 'payroll' },
  'other-version': { epoch: 4 },
};

for (const [ground, lie] of Object.entries(lies))
  t.test(`P24 an access is disputed: ${ground}`, async (t) => {
    for (const phase of ['opening', 'progress', 'closing', 'interrupted'] as const) {
      const { deliver, alarms } = await open(t);
      await deliver({ ...lie, phase });
      t.match(
        await alarms(),
        [{ event: 'record-disputed', gateway, details: { count: 1, grounds: [{ ground, count: 1 }] } }],
        phase,
      );
    }
  });

t.test('P24 fields that are missing are as wrong as others', async (t) => {
  for (const name of ['person', 'device', 'session', 'app', 'epoch'] as const) {
    const { deliver, alarms } = await open(t);
    await deliver({ [name]: undefined });
    t.match(await alarms(), [{ event: 'record-disputed' }], name);
  }
});

t.test('P24 a refusal frames nobody: whom it names had the grant, and who has none is not named', async (t) => {
  const refusal = { phase: 'single', verdict: 'deny', reasons: ['grant-expired'] } satisfies Partial<AccessRecord>;
  const nameless = { grant: undefined, person: undefined, session: undefined, epoch: undefined };
  const { deliver, alarms } = await open(t);
  await deliver(refusal, { ...refusal, ...nameless }, { ...refusal, ...nameless, device: undefined, app: undefined });
  await deliver({
    ...refusal,
    device: 'dev_bbbbbbbb',
    reasons: ['grant-binding'],
    details: { grantOf: claims.device },
  });
  t.same(await alarms(), [], 'as honest gateways tell it');
  for (const lie of [
    { ...refusal, ...nameless, person: 'olivia' },
    { ...refusal, ...nameless, session: claims.session },
    { ...refusal, person: 'olivia' },
    { ...refusal, device: 'dev_bbbbbbbb' },
    { ...refusal, details: { grantOf: 'dev_bbbbbbbb' } },
    { ...refusal, grant: 'gr_00000000000000ff' },
    { ...refusal, ...nameless, verdict: 'allow' } as const,
  ]) {
    const other = await open(t);
    await other.deliver(lie);
    t.match(await other.alarms(), [{ event: 'record-disputed' }], JSON.stringify(lie));
  }
});

t.test('P24 an app of another site, and a grant for one use of another gateway', async (t) => {
  const { db, deliver, alarms } = await open(t);
  const once = { use: 'once', gateway };
  await appendRecord(db, now, { ...given, appFacts, grant: 'gr_000000000000000b', details: once });
  await deliver({ grant: 'gr_000000000000000b' });
  t.same(await alarms(), []);
  await appendRecord(db, now, { ...given, appFacts: { ...appFacts, site: 'lab' }, grant: 'gr_000000000000000c' });
  await appendRecord(db, now, {
    ...given,
    appFacts,
    grant: 'gr_000000000000000d',
    details: { ...once, gateway: 'gw-2' },
  });
  await deliver({ grant: 'gr_000000000000000c' }, { grant: 'gr_000000000000000d' });
  const grounds = [
    { ground: 'other-site', count: 1 },
    { ground: 'other-gateway', count: 1 },
  ];
  t.match(await alarms(), [{ details: { count: 2, grounds } }]);
});

t.test('P24 an access lies within the life of its grant: no other time of it is believed', async (t) => {
  const end = now + grantReach * second + timeToleranceMs;
  const { deliver, alarms } = await open(t);
  await deliver({ time: end }, { time: now - timeToleranceMs }, { time: now + day, phase: 'closing' });
  t.same(await alarms(), [], 'a stream outlives its grant, by others');
  await deliver({ time: end + 1 }, { time: now - timeToleranceMs - 1, phase: 'closing' });
  const grounds = [{ ground: 'outside-its-grant', count: 2 }];
  t.match(await alarms(), [{ event: 'record-misdated', details: { grounds, count: 2 } }]);
});

t.test(
  'P24 what the controller may have forgotten is not disputed: pruned, erased, or given after the backup',
  async (t) => {
    const unknown = { grant: 'gr_00000000000000ff' };
    const restored = await open(t);
    await restored.db.transaction().execute((trx) => noteRestored(trx, now + 1));
    await restored.deliver(unknown);
    t.same(await restored.alarms(), []);
    await restored.deliver({ ...unknown, time: now + 11 * minute });
    t.match(await restored.alarms(), [{ details: { count: 1 } }], 'what came after it is known');

    const pruned = await open(t);
    const counts = { removed: 1, leaves: 1, first_leaf: 0, last_leaf: 0, first_time: 0, last_time: now };
    const pruning = {
      log: 0,
      cause: 'order',
      rules: '{}',
      after: 0,
      through: 9,
      holds: '{}',
      began_at: now,
      ended_at: now,
    };
    const row = { ...counts, ...pruning, begun: 'rec_00000000001', record: null };
    await pruned.db
      .insertInto('prunings')
      .values({ ...row, kinds: '{"access":1}' })
      .execute();
    await pruned.deliver(unknown);
    t.match(await pruned.alarms(), [{ details: { count: 1 } }], 'no grant was pruned');
    const other = await open(t);
    await other.db
      .insertInto('prunings')
      .values({ ...row, kinds: '{"access":1,"grant":2}' })
      .execute();
    await other.deliver(unknown);
    t.same(await other.alarms(), []);

    const erased = await open(t);
    await erased.db.updateTable('records').set({ disclosures: '[]' }).where('grant_id', '=', grant).execute();
    await erased.deliver({});
    t.same(await erased.alarms(), []);
  },
);
