/**
 * P24 P34: the time of a record is the word of a gateway. One that was taken over, or whose clock is wrong, takes no record out of the log before
 * its age by it, keeps none there for ever, and hides none from who looks at a time without an alarm that names it.
 */
import t, { type Test } from 'tap';
import { day, minute } from '#shared/base/clock.ts';
import { gatewayToController } from '#shared/contracts/gateway-to-controller.ts';
import type { SpooledRecord } from '#shared/contracts/record.ts';
import { compileRoute } from '#shared/wire/check-route.ts';
import { tellDoubts } from '../../controller/from-gateways/doubts.ts';
import { timeToleranceMs } from '../../controller/from-gateways/judge-time.ts';
import { takeRecords } from '../../controller/from-gateways/take-records.ts';
import { misdatedOfTime } from '../../controller/log/misdated-of-time.ts';
import { findDue } from '../../controller/log/retention/find-due.ts';
import { verifyLog } from '../../controller/log/verify/verify-log.ts';
import { makeReport } from '../../controller/reports/make-report.ts';
import { addGatewayRow } from '../support/add-gateway-row.ts';
import { makeLogWorld } from '../support/log-world.ts';
import { storedRecords } from '../support/stored-records.ts';

const gateway = 'gw-1';
const now = Date.UTC(2026, 10, 20);
const joined = now - 30 * day;
const inAYear2099 = Date.UTC(2099, 0, 1);
let made = 0;

async function open(t: Test) {
  const world = await makeLogWorld(t);
  const { db } = world.store;
  await addGatewayRow(db, { id: gateway, site: 'site', joined_at: joined, records_through: joined });
  const seqs = new Map<string, number>();
  const deliver = async (at: number, times: readonly number[], spool = 'spl_00000001') => {
    const records = times.map((time): SpooledRecord => {
      made += 1;
      const seq = (seqs.get(spool) ?? 0) + 1;
      seqs.set(spool, seq);
      const id = `rec_date${String(made).padStart(12, '0')}`;
      const what = {
        kind: 'access',
        phase: 'single',
        trace: 'a'.repeat(32),
        verdict: 'deny',
        reasons: ['no-permit'],
      } as const;
      return { seq, record: { id, time, ...what, reasons: [...what.reasons], gateway, person: 'eve', app: 'payroll' } };
    });
    await takeRecords(db, at, { gateway, spool, records });
    return records.map(({ record }) => record.id);
  };
  const alarms = async () => (await storedRecords(db)).filter(({ event }) => event === 'record-misdated');
  return { world, db, deliver, alarms };
}

t.test('P24 P34 a record keeps the time that it was told with, and proves when it arrived', async (t) => {
  const { world, db, deliver } = await open(t);
  await deliver(now, [now - 1000, inAYear2099, 0]);
  const told = (await storedRecords(db)).filter(({ kind }) => kind === 'access');
  t.same(
    told.map(({ time, arrived }) => [time, arrived]),
    [
      [now - 1000, now],
      [inAYear2099, now],
      [0, now],
    ],
  );
  const keeper = await world.open();
  await keeper.settle();
  const order = { db, file: world.file, dir: keeper.tiles.dir, state: await keeper.state(), keys: await world.keys() };
  t.same((await verifyLog(order)).faults, []);
  await db
    .updateTable('records')
    .set({ arrived: now - day })
    .where('id', '=', told[0]!.id)
    .execute();
  t.match((await verifyLog(order)).faults, [{ what: 'column arrived is not what was written' }]);
});

t.test('P24 a gateway does not tell when its records arrived', async (t) => {
  const { readRequest } = compileRoute('records', gatewayToController.records);
  const record = {
    id: 'rec_date000000000a',
    time: now,
    kind: 'access',
    phase: 'single',
    trace: 'a'.repeat(32),
    verdict: 'deny',
    reasons: [],
    gateway,
  };
  const body = (more: object) => ({ spool: 'spl_00000001', records: [{ seq: 1, record: { ...record, ...more } }] });
  t.ok(readRequest({ params: {}, query: {}, body: body({}) }));
  t.throws(() => readRequest({ params: {}, query: {}, body: body({ arrived: 0 }) }), { code: 'bad-request' });
});

t.test(
  'P24 what can be true raises no alarm: days of waiting, clocks a little apart, the time of joining',
  async (t) => {
    const { deliver, alarms } = await open(t);
    await deliver(now, [joined, joined + day, now - 5 * day, now, now + timeToleranceMs, joined - timeToleranceMs]);
    t.same(await alarms(), []);
    await deliver(now, [now + timeToleranceMs + 1]);
    t.match(await alarms(), [
      { details: { count: 1, grounds: [{ ground: 'ahead', count: 1 }], byMs: timeToleranceMs + 1 } },
    ]);
  },
);

t.test('P24 many times that cannot be true are one alarm in ten minutes, which counts them all', async (t) => {
  const { db, deliver, alarms } = await open(t);
  const ids = await deliver(now, [now, 0, 1000]);
  for (let turn = 1; turn <= 20; turn += 1)
    await deliver(
      now + turn,
      Array.from({ length: 50 }, () => inAYear2099),
      `spl_1000000${turn % 10}`,
    );
  const first = await alarms();
  t.match(first, [
    {
      kind: 'log',
      gateway,
      time: now,
      details: {
        count: 2,
        grounds: [{ ground: 'behind', count: 2 }],
        spools: [{ spool: 'spl_00000001', first: 2, last: 3 }],
        record: ids[1],
        from: 0,
        to: 1000,
        byMs: joined,
      },
    },
  ]);
  await tellDoubts(db, now + 9 * minute);
  t.equal((await alarms()).length, 1, 'not yet');
  await tellDoubts(db, now + 10 * minute);
  const [, second, ...more] = await alarms();
  t.same(more, []);
  t.match(second, {
    details: { count: 1000, grounds: [{ ground: 'ahead', count: 1000 }], moreSpools: Number, from: inAYear2099 },
  });
  t.match(second?.details, { spools: { length: 8 } });
  await tellDoubts(db, now + 60 * minute);
  t.equal((await alarms()).length, 2, 'what was told is not told again');
});

t.test('P24 retention goes by arrival where a gateway told a time: none goes early, none stays for ever', async (t) => {
  const { db, deliver } = await open(t);
  const [back, ahead] = await deliver(now, [0, inAYear2099, now - 5 * day]);
  await deliver(now + 1, [now + 1]);
  const due = async (cutoff: number) => {
    const found = await findDue(db, { rest: cutoff, kinds: {} }, { after: 0, through: Number.MAX_SAFE_INTEGER });
    const rows = await db.selectFrom('records').select(['position', 'id']).execute();
    const ids = new Map(rows.map(({ position, id }) => [position, id]));
    return found?.rows.map(({ position }) => ids.get(position));
  };
  t.same(await due(now), [], 'one that says it is of 1970 is as old as its arrival');
  t.match(await due(now + 1), [back, ahead, String], 'one that says it is of 2099 goes with the others');
});

t.test('P24 a legal hold keeps what came in its time, whatever time it tells', async (t) => {
  const { db, deliver } = await open(t);
  await deliver(now, [0, inAYear2099]);
  await deliver(now + 2 * day, [0, now + 2 * day]);
  const hold = { id: 'hold_1', name: 'case', person_id: 'eve', device_id: null, app_id: null, trace: null };
  await db
    .insertInto('legal_holds')
    .values({ ...hold, from_time: now - day, to_time: now + day, because: 'x', created_by: 'owner', created_at: now })
    .execute();
  const found = await findDue(
    db,
    { rest: now + 9 * day, kinds: { log: 0 } },
    { after: 0, through: Number.MAX_SAFE_INTEGER },
  );
  t.equal(found?.held.get('hold_1'), 2);
  t.equal(found?.rows.length, 1);
});

t.test('P34 who asks about a time hears of records that may belong there', async (t) => {
  const { db, deliver } = await open(t);
  const at = now + 1;
  await deliver(now, [now, Date.UTC(2020, 0, 1)]);
  t.match(await misdatedOfTime(db, { from: now - day, to: now }), { records: 1, gateways: [gateway], newest: /^rec_/ });
  t.match(await misdatedOfTime(db, { from: Date.UTC(2019, 11, 1), to: Date.UTC(2020, 1, 1) }), { records: 1 });
  t.equal(await misdatedOfTime(db, { from: now - 9 * day, to: now - 8 * day }), undefined);
  const order = { report: 'denied', from: now - day, at } as const;
  const { notes } = await makeReport(db, order, at, async () => {});
  t.match(
    notes.find((note) => note.includes('cannot be true')),
    /1 records of the gateways gw-1 .*record-misdated/,
  );
  t.match(
    notes.find((note) => note.startsWith('The log begins')),
    /2026-11-20/,
    'not where a gateway says that it begins',
  );
});
