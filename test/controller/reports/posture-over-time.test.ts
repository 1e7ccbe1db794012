/** The report of how posture changed, out of records that signed reports and lapses have left. */
import t from 'tap';
import { day, minute } from '#shared/base/clock.ts';
import { beginErasure, goOnErasing } from '../../../controller/log/erase-person.ts';
import { reviewLapses } from '../../../controller/posture/review-lapses.ts';
import { takeReport } from '../../../controller/posture/take-report.ts';
import { formatReport } from '../../../controller/reports/format-report.ts';
import { makeReport } from '../../../controller/reports/make-report.ts';
import { deviceId, PolicyDesk } from '../../support/policy-desk.ts';

const trace = 'c'.repeat(32);

t.test('each fact that changed is a row, in the order of time, and nothing else is', async (t) => {
  const desk = await PolicyDesk.open();
  t.teardown(() => desk.store.stop());
  const take = (text: string) => takeReport(desk.postureParts, { text, peer: desk.peer, trace });
  const began = desk.now;
  await take(desk.report({ firewallOn: true, diskEncrypted: true }));
  desk.now += minute;
  await take(desk.report({ firewallOn: true, diskEncrypted: true }));
  desk.now += minute;
  const fell = desk.now;
  await take(desk.report({ firewallOn: false, diskEncrypted: true }));
  desk.now += 3 * day;
  const lapsed = desk.now;
  await reviewLapses(desk.postureParts, fell, lapsed);
  const of = (from: number, at: number) => makeReport(desk.db, { report: 'posture', from, at }, lapsed, () => {});
  const whole = await of(began, lapsed);
  const row = (time: number, fact: string, was: string, is: string) => ({
    ...{ time, person: 'alice', device: deviceId, fact, was, is },
  });
  const rows = whole.rows.toSorted(
    (a, b) => Number(a['time']) - Number(b['time']) || (String(a['fact']) < String(b['fact']) ? -1 : 1),
  );
  t.strictSame(rows, [
    row(began, 'diskEncrypted', 'unknown', 'pass'),
    row(began, 'firewallOn', 'unknown', 'pass'),
    row(fell, 'firewallOn', 'pass', 'fail'),
    row(lapsed, 'diskEncrypted', 'pass', 'stale'),
  ]);
  t.strictSame(
    whole.rows.map(({ time }) => time),
    [began, began, fell, lapsed],
  );
  t.strictSame((await of(fell, fell)).rows, [row(fell, 'firewallOn', 'pass', 'fail')], 'both ends are in it');
  t.strictSame((await of(fell + 1, lapsed - 1)).rows, []);
  t.match(
    formatReport(whole, 'csv'),
    /^time,person,device,fact,was,is\r\n"20.*","alice",".*","diskEncrypted","unknown","pass"\r\n/,
  );
  t.match(formatReport(whole, 'text'), /changed nothing for policies has no record/);

  await desk.db.updateTable('people').set({ state: 'gone' }).where('id', '=', 'alice').execute();
  const order = { person: 'alice', actor: 'olga' };
  const { erasure } = await desk.db.transaction().execute((trx) => beginErasure(trx, lapsed + 1, order));
  await goOnErasing({ store: desk.store }, lapsed + 2, { id: erasure.id, forMs: 60_000, record: async () => {} });
  t.match(
    (await of(began, lapsed)).rows,
    [began, fell, lapsed].map((time) => ({ time, person: '(erased)', fact: '(erased)', was: null, is: null })),
    'that something changed stays, and nothing of whom and what',
  );
});
