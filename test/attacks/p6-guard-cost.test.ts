/** P6: the guard against locking out is asked in a transaction. What it costs must not grow with a week where time changes nothing, and it must still see a week ahead. */
import t from 'tap';
import { compilePolicies } from '../../controller/policy/compile-policies.ts';
import type { PolicySet } from '../../controller/policy/policy-set.ts';
import { findLockOut } from '../../controller/publishing/lock-out.ts';
import { PolicyDesk } from '../support/policy-desk.ts';

/** Counts how often it is asked to decide. */
function counted(text: string): { set: PolicySet; asked: () => number } {
  const { set } = compilePolicies([{ id: 'test', text }], 1);
  let asked = 0;
  const partly: PolicySet['partly'] = (unknown) => {
    asked += 1;
    return set!.partly(unknown);
  };
  return { set: { ...set!, partly }, asked: () => asked };
}

async function begin() {
  const desk = await PolicyDesk.open();
  await desk.db.updateTable('people').set({ role: 'admin' }).where('id', '=', 'alice').execute();
  const apps = await desk.db.selectFrom('apps').select('id').execute();
  const guard = (before: PolicySet, after: PolicySet) =>
    desk.db
      .transaction()
      .execute((trx) => findLockOut(trx, { before, after, at: desk.now, timezone: desk.decider.timezone }));
  return { desk, apps: apps.length, guard };
}

t.test('P6 administrators who use nothing cost one look at each app, not one for each hour of a week', async (t) => {
  const { desk, apps, guard } = await begin();
  const nothing =
    'permit(principal == Person::"bob", action, resource) when { context.time.weekday < 6 };' +
    'permit(principal, action, resource) when { context.risk.level > 1000 && context.session.secondFactorAge < 300 };';
  const { set, asked } = counted(nothing);
  t.same(await guard(set, set), { everyone: false, lines: [] });
  t.equal(asked(), apps);
  await desk.store.stop();
});

t.test('P6 one who can use something tomorrow only is guarded today', async (t) => {
  const { desk, guard } = await begin();
  for (const when of [
    'context.time.weekday == 6',
    'context.time.minuteOfDay < 200',
    '{ all: context }.all.time.weekday == 1',
  ]) {
    const { set } = counted(`@id("then") permit(principal, action, resource == App::"ssh") when { ${when} };`);
    const { set: none } = counted('@id("none") forbid(principal, action, resource);');
    t.match(await guard(set, none), { everyone: true, lines: [/alice would lose ssh/] }, when);
  }
  await desk.store.stop();
});
