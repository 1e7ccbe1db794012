/** Analyses in their own thread: beside writers, cancelled, and too many at once. */
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { AnalysisDesk } from '../../../controller/analysis/analysis-desk.ts';
import { openReader } from '../../../controller/store/open-store.ts';
import { PolicyDesk } from '../../support/policy-desk.ts';
import { GatewaySpool } from '../../support/recorded-accesses.ts';

const staff = '@id("staff") permit(principal in Group::"staff", action, resource);';
const closed = { files: [{ id: 'draft', text: '@id("closed") forbid(principal, action, resource);' }] };

async function openDesk(t: Test) {
  const file = join(t.testdir(), 'store.db');
  const desk = await PolicyDesk.open(file);
  const analyses = new AnalysisDesk({ file, timezone: 'UTC', clock: desk.clock });
  t.teardown(async () => {
    await analyses.stop();
    await desk.store.stop();
  });
  await desk.publish(staff);
  const { claims } = await desk.grant();
  const spool = new GatewaySpool(desk);
  const access = async (count: number) => {
    for (let n = 0; n < count; n += 500)
      await spool.deliver(...Array.from({ length: 500 }, () => spool.access(claims)));
  };
  return { desk, file, analyses, access };
}

t.test('a replay is of the log at its beginning, whatever is written meanwhile', async (t) => {
  const { desk, analyses, access } = await openDesk(t);
  await access(5000);
  const order = { from: 0, to: desk.now, limit: 0, draft: closed };
  const analysis = await analyses.begin('replay', order);
  let going = true;
  const writing = (async () => {
    while (going) {
      await access(500);
      // The store answers at once: without this the loop would never turn.
      await nextTurn();
    }
  })();
  const first = await analysis.finish(() => {});
  going = false;
  await writing;
  t.equal(first.allowToDeny, first.verdicts);
  t.ok(first.verdicts >= 5001 && (first.verdicts - 1) % 500 === 0, `${first.verdicts} whole batches and a grant`);
  const second = await (await analyses.begin('replay', order)).finish(() => {});
  t.ok(second.verdicts >= first.verdicts);
  const stored = await desk.db
    .selectFrom('records')
    .select((eb) => eb.fn.countAll<number>().as('n'))
    .where('kind', 'in', ['grant', 'access'])
    .executeTakeFirst();
  t.equal(second.verdicts, stored?.n, 'afterwards all of it');
});

t.test('what is cancelled is gone, and what is wrong is told before anything is read', async (t) => {
  const { desk, analyses, access } = await openDesk(t);
  await access(2000);
  const order = { from: 0, to: desk.now, limit: 0, draft: closed };
  const cancelled = await analyses.begin('replay', order);
  const ended = t.rejects(
    cancelled.finish(() => {}),
    { code: 'unavailable' },
  );
  cancelled.cancel();
  await ended;
  await t.rejects(analyses.begin('replay', { ...order, draft: {} }), { code: 'bad-request' });
  await t.rejects(analyses.begin('replay', { ...order, draft: { epoch: 7 } }), { code: 'not-found' });
  await t.rejects(analyses.begin('whoCan', { app: 'nothing' }), { code: 'not-found' });
  const two = [analyses.begin('replay', order), analyses.begin('replay', order)];
  await t.rejects(analyses.begin('replay', order), { code: 'conflict' }, 'no more than two at once');
  for (const analysis of await Promise.all(two)) t.match(await analysis.finish(() => {}), { verdicts: 2001 });
});

t.test('the connection of an analysis can change nothing', async (t) => {
  const { file } = await openDesk(t);
  const reader = openReader(file);
  t.teardown(() => reader.stop());
  await t.rejects(reader.db.deleteFrom('records').execute(), { code: 'disk-failed' });
});
