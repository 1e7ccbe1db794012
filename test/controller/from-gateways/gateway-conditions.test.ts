/** P24: how gateways say they are, and what that bounds. */
import t, { type Test } from 'tap';
import { hour, minute } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import { GatewayConditions } from '../../../controller/from-gateways/gateway-conditions.ts';
import { takeRecords } from '../../../controller/from-gateways/take-records.ts';
import { openStore } from '../../../controller/store/open-store.ts';
import { storedRecords } from '../../support/stored-records.ts';

const gateway = 'gw-1';
const start = Date.UTC(2026, 10, 20);

async function open(t: Test) {
  const { db, stop } = await openStore(':memory:');
  t.teardown(stop);
  const never = { jkt: null, public_jwk: null, certificate_serial: null, certificate_ends_at: null };
  const row = { ...never, identity_jwk: null, generation: null, through: 0, last_seen_at: null, joined_at: 0 };
  const doors = { door: 'none', knock_ports: '', prelude_port: 0 };
  const own = { id: gateway, site: 'main', address: 'gw:1', state: 'active' };
  await db
    .insertInto('gateways')
    .values({ ...own, ...row, ...doors })
    .execute();
  const clock = { at: start, now: () => clock.at };
  const conditions = new GatewayConditions({ db, clock, log: silentLog });
  const kept = async () =>
    (await db.selectFrom('gateways').select('records_through').executeTakeFirstOrThrow()).records_through;
  return { db, clock, conditions, kept };
}

t.test(
  'how far its records have come is kept once a minute, never goes back, and is never of the future',
  async (t) => {
    const { clock, conditions, kept } = await open(t);
    await conditions.told(gateway, { waitingBytes: 0, through: start - 1000 });
    t.equal(await kept(), start - 1000);
    clock.at += 1000;
    await conditions.told(gateway, { waitingBytes: 0, through: start });
    t.equal(await kept(), start - 1000, 'not each time');
    clock.at = start + minute;
    await conditions.told(gateway, { waitingBytes: 0, through: start - hour });
    t.equal(await kept(), start - 1000);
    clock.at = start + 2 * minute;
    await conditions.told(gateway, { waitingBytes: 0, through: Date.UTC(2099, 0) });
    t.equal(await kept(), clock.at);
    await conditions.told(gateway, { waitingBytes: 0 });
    t.equal(await kept(), clock.at);
  },
);

t.test('since when a gateway gives no access is told by the controller', async (t) => {
  const { clock, conditions } = await open(t);
  t.equal(conditions.of(gateway), undefined);
  await conditions.told(gateway, { waitingBytes: 5, refusing: 'the disk has 5 bytes left' });
  clock.at += minute;
  await conditions.told(gateway, { waitingBytes: 6, refusing: 'the disk has 4 bytes left' });
  t.match(conditions.of(gateway), { refusingSince: start, refusing: /4 bytes/, at: clock.at });
  await conditions.told(gateway, { waitingBytes: 6 });
  t.notOk('refusingSince' in conditions.of(gateway)!);
});

t.test(
  'P24 a record that is older than what a gateway said it had delivered is an alarm; what a restore lost is not',
  async (t) => {
    const { db, clock, conditions } = await open(t);
    let seq = 0;
    const deliver = async (time: number) => {
      seq += 1;
      const id = `rec_cond${String(seq).padStart(12, '0')}`;
      const what = { kind: 'access', phase: 'single', trace: 'a'.repeat(32), verdict: 'deny' } as const;
      const record = { id, time, ...what, reasons: ['grant-missing' as const], gateway };
      await takeRecords(db, clock.at, { gateway, spool: 'spl_00000001', records: [{ seq, record }] });
    };
    const alarms = async () => (await storedRecords(db)).filter(({ event }) => event === 'record-misdated').length;
    await deliver(start - hour);
    await conditions.told(gateway, { waitingBytes: 0, through: start });
    await deliver(start - minute);
    t.equal(await alarms(), 0);
    // As a restore leaves it: a backup of two hours ago.
    await db
      .updateTable('gateways')
      .set({ restored_through: start - 2 * hour, restored_at: start })
      .execute();
    await deliver(start - hour);
    t.equal(await alarms(), 0, 'it comes again');
    await deliver(start - 3 * hour);
    t.equal(await alarms(), 1, 'that was in the backup');
  },
);
