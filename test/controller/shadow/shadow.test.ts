import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { issueGrant } from '../../../controller/grants/issue-grant.ts';
import type { Decided } from '../../../controller/grants/record-decision.ts';
import { Shadow, type ShadowParts } from '../../../controller/shadow/shadow.ts';
import { ShadowJudge } from '../../../controller/shadow/shadow-judge.ts';
import { disagreementsOf, listRuns } from '../../../controller/shadow/shadow-runs.ts';
import { silentLog } from '../../../shared/base/log.ts';
import { deviceId, PolicyDesk, sessionId } from '../../support/policy-desk.ts';
import { compile, hourMs } from '../../support/policy-facts.ts';

const staff = '@id("staff") permit(principal in Group::"staff", action, resource);';
const get = { method: 'GET', host: 'wiki.test', path: '/a', query: 'debug=1' };
const broken = new URL('../../support/broken-shadow-worker.ts', import.meta.url);
const who = { actor: 'adam', because: 'trial' };
const patience = 60_000;

async function openDesk(over: Partial<ShadowParts> = {}) {
  const desk = await PolicyDesk.open();
  await desk.publish(staff);
  const parts = { db: desk.db, clock: desk.clock, log: silentLog, patienceMs: patience, ...over };
  const shadow = new Shadow(parts);
  const ask = (asked: object = {}, by = shadow) => {
    const about = {
      device: deviceId,
      jkt: desk.jkt,
      session: sessionId,
      app: 'wiki',
      act: 'request',
      ...asked,
    } as const;
    const rest = { idleMs: 0, address: '10.1.2.3', trace: 'a'.repeat(32) };
    return issueGrant({ ...desk.grantParts, onDecided: by.decided }, { ...rest, ...about });
  };
  return { desk, shadow, parts, ask };
}

const start = (shadow: Shadow, text: string, forMs = hourMs) => shadow.start([{ id: 'draft', text }], forMs, who);
const events = async (desk: PolicyDesk) =>
  (await desk.records('policy')).map(({ event, details, actor }) =>
    `${actor} ${event} ${details?.['why'] ?? ''}`.trim(),
  );

t.test('where a draft disagrees is counted, and nothing is decided by it', async (t) => {
  const { desk, shadow, ask } = await openDesk();
  await start(
    shadow,
    'permit(principal, action == Action::"connect", resource);\n@id("no-debug") forbid(principal, action == Action::"request", resource) when { context.request.query like "*debug*" };',
  );
  await t.rejects(start(shadow, staff), { code: 'conflict' });
  for (let n = 0; n < 3; n += 1) {
    desk.now += 1000;
    t.ok(await ask({ request: get }));
  }
  t.ok(await ask({ app: 'ssh', act: 'connect' }));
  await t.rejects(ask({ app: 'nothing' }), { code: 'not-allowed' });
  await shadow.look();
  const [run] = await listRuns(desk.db);
  t.match(run, { judged: 4, disagreed: 3, undetermined: 0, failed: 0, missed: 0, ended_at: null, by: 'adam' });
  const found = await disagreementsOf(desk.db, run!.id, 10);
  t.match(found, [
    { direction: 'allow-to-deny', person_id: 'alice', app_id: 'wiki', policies: '["no-debug"]', count: 3 },
  ]);
  t.equal(found[0]!.last_at - found[0]!.first_at, 2000);
  await ask({ request: get });
  await shadow.end({ actor: 'olga' });
  t.match(await listRuns(desk.db), [{ judged: 5, disagreed: 4, ended_because: 'stopped' }]);
  await ask({ request: get });
  await shadow.look();
  t.match(await listRuns(desk.db), [{ judged: 5 }], 'and no more after its end');
  await t.rejects(shadow.end(who), { code: 'not-found' });
  t.same((await events(desk)).slice(1), ['adam shadow-started', 'olga shadow-ended stopped']);
  await desk.store.stop();
});

t.test('it goes on after a restart, and ends by itself', async (t) => {
  const { desk, shadow, parts, ask } = await openDesk();
  await start(shadow, 'forbid(principal, action, resource);');
  await ask();
  await shadow.stop();
  const again = new Shadow(parts);
  await again.resume();
  await ask({}, again);
  await again.look();
  t.match(await listRuns(desk.db), [{ judged: 2, disagreed: 2, ended_at: null }]);
  desk.now += hourMs;
  await desk.db.updateTable('sessions').set({ last_active_at: desk.now }).execute();
  await ask({}, again);
  await again.look();
  t.match(await listRuns(desk.db), [{ judged: 2, ended_because: 'time' }]);
  await start(again, staff);
  await again.stop();
  desk.now += 2 * hourMs;
  await new Shadow(parts).resume();
  t.match(await listRuns(desk.db), [{ ended_because: 'time' }, {}], 'also when it ended while nobody was there');
  t.same((await events(desk)).at(-1), 'controller shadow-ended time');
  await desk.store.stop();
});

t.test('a draft that breaks or hangs ends by itself, and no decision is another', async (t) => {
  const { desk, shadow, ask } = await openDesk({ workerFile: broken, patienceMs: 1 });
  await shadow.start([{ id: 'breaks', text: '' }], hourMs, who);
  t.ok(await ask());
  while ((await listRuns(desk.db))[0]?.ended_at === null) await new Promise(setImmediate);
  t.match(await listRuns(desk.db), [{ ended_because: 'failed' }]);
  t.ok(await ask());

  desk.now += 1000;
  await shadow.start([{ id: 'hangs', text: '' }], hourMs, who);
  for (let n = 0; n < 1100; n += 1) shadow.decided({ record: (await desk.records('grant'))[0] } as Decided);
  t.ok(await ask(), 'beside a draft that never answers');
  await shadow.look();
  await shadow.end(who);
  t.match((await listRuns(desk.db))[0], { judged: 0, ended_because: 'stopped' });
  await shadow.stop();
  await desk.store.stop();
});

t.test('what throws in a draft is counted as that', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(staff);
  let decided: Decided | undefined;
  const onDecided = (one: Decided) => {
    decided = one;
  };
  const parts = { ...desk.grantParts, onDecided };
  const ask = { device: deviceId, jkt: desk.jkt, session: sessionId, app: 'wiki', act: 'request' } as const;
  await issueGrant(parts, { ...ask, idleMs: 0, address: '10.1.2.3', trace: 'a'.repeat(32) });
  const set = compile(staff);
  const trap = new Proxy(set.index, {
    get: () => () => {
      throw new Error('trap');
    },
  });
  const judge = new ShadowJudge({ ...set, index: trap });
  judge.add(decided!);
  t.match(judge.take(), { judged: 0, failed: 1, disagreements: [] });
  t.match(judge.take(), { failed: 0 });
  await desk.store.stop();
});

t.test('the thread says when a draft cannot be read', async (t) => {
  const file = new URL('../../../controller/shadow/worker.ts', import.meta.url);
  const worker = new Worker(file, { workerData: { files: [{ id: 'x', text: 'permit(' }] } });
  t.match(await once(worker, 'message'), [{ t: 'unreadable' }]);
  await worker.terminate();
});
