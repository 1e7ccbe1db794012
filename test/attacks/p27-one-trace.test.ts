/** P27: whoever sends requests chooses their trace. A device that has two hundred denials under one must not stop the controller when somebody looks. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import t from 'tap';
import { explainTrace } from '../../controller/admin/explain-trace.ts';
import { PolicyDesk } from '../support/policy-desk.ts';

t.test('P27 many records under one trace are explained in turns', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish('@id("never") permit(principal, action, resource) when { context.risk.level > 1000 };');
  const trace = 'c'.repeat(32);
  for (let n = 0; n < 20; n += 1) await t.rejects(desk.grant({ trace }), { code: 'not-allowed' });
  const policy = () => {
    // What a search costs when policies are many.
    const until = performance.now() + 10;
    while (performance.now() < until);
    return desk.policy.current();
  };
  let running = true;
  const explaining = explainTrace(desk.db, { ...desk.decider, policy }, { trace, as: 'admin', changes: true });
  const done = explaining.finally(() => {
    running = false;
  });
  let turns = 0;
  while (running) {
    await nextTurn();
    turns += 1;
  }
  t.equal((await done).records.length, 20);
  t.ok(turns >= 20, `${turns} turns of the event loop for others`);
  await desk.store.stop();
});
