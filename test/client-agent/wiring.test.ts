/** The whole core of the agent against a fake controller: sign-in, restart, events, posture. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import { readJws } from '#shared/crypto/jws.ts';
import { enrolFake, makeFakeAgent, nextEvent, signInFake, startFakeAgent } from '../support/fake-edge-agent.ts';
import { deviceId, secret, sessionId, startFakeEdge } from '../support/fake-edge-controller.ts';
import { makeTestCa } from '../support/test-ca.ts';

const ca = await makeTestCa();
const wiki = { id: 'wiki', name: 'Wiki', kind: 'http', hosts: ['wiki.test'], usable: true, fixes: [] } as const;
const wikiListed = { ...wiki, hosts: [...wiki.hosts], fixes: [] };

t.test('a profile that is not enrolled does not start', async (t) => {
  await t.rejects(startFakeAgent(t, join(t.testdir(), 'profile')), { code: 'invalid-config', message: /not enrolled/ });
});

t.test('sign-in, apps, restart, sign-out', async (t) => {
  const edge = await startFakeEdge(t, { ca });
  edge.setApps([wikiListed]);
  const dir = await enrolFake(t, { edge });
  const agent = await startFakeAgent(t, dir);
  t.match(agent.state(), { person: { name: 'Alice' }, device: { id: deviceId }, session: { signedIn: false } });
  t.same(agent.apps(), []);
  const { flow } = await agent.signIn.start('sign-in');
  await t.rejects(agent.signIn.answer(flow, 'password', 'wrong'), { code: 'sign-in-refused' });
  const listed = nextEvent(agent, 'apps');
  const shown = await agent.signIn.answer(flow, 'password', 'right');
  t.match(shown, { step: 'done', signedIn: true });
  t.notMatch(JSON.stringify(shown), secret, 'the secret stays inside');
  await listed;
  t.same(agent.apps(), [wikiListed]);
  await agent.stop();
  for (const name of readdirSync(dir)) t.equal(statSync(join(dir, name)).mode & 0o077, 0, name);

  const again = await startFakeAgent(t, dir);
  t.equal(again.state().session.signedIn, true, 'kept across a restart');
  await again.refreshApps();
  t.same(again.apps(), [wikiListed]);
  await again.signOut();
  t.equal(edge.count('signOut'), 1);
  t.equal(again.state().session.signedIn, false);
  t.same(again.apps(), [], 'no list without a session');
  await again.stop();
  t.equal((await startFakeAgent(t, dir)).state().session.signedIn, false);
});

t.test('signing out works without the controller', async (t) => {
  const edge = await startFakeEdge(t, { ca });
  const agent = await makeFakeAgent(t, { edge });
  await edge.close();
  await agent.signOut();
  t.equal(agent.state().session.signedIn, false);
  t.match(agent.state().controller, { reachable: false, failure: 'unreachable' });
});

t.test('events: a session that ended elsewhere, changed apps, a step-up that is wanted', async (t) => {
  const edge = await startFakeEdge(t, { ca });
  const agent = await makeFakeAgent(t, { edge });
  while (!agent.state().controller.events) await nextEvent(agent, 'state');
  t.ok(Math.abs(agent.state().clockOffsetMs ?? Number.NaN) < 5000);
  edge.setApps([wikiListed]);
  const changed = nextEvent(agent, 'apps');
  edge.send({ type: 'apps-changed' });
  await changed;
  t.same(agent.apps(), [wikiListed]);
  const wanted = nextEvent(agent, 'step-up-wanted');
  edge.send({ type: 'step-up-wanted', app: 'wiki' });
  t.match(await wanted, { app: 'wiki' });
  edge.send({ type: 'session-ended', session: 'ses_0000000000000009', reason: 'another' });
  const ended = nextEvent(agent, 'session');
  edge.send({ type: 'session-ended', session: sessionId, reason: 'revoked' });
  t.match(await ended, { signedIn: false, reason: 'revoked' }, 'only its own');
  t.same(agent.apps(), []);
});

t.test('a session that the controller no longer knows is dropped', async (t) => {
  const edge = await startFakeEdge(t, { ca });
  const agent = await makeFakeAgent(t, { edge });
  await agent.refreshApps();
  edge.edge.apps = () => {
    throw new PosternError('session-required');
  };
  await t.rejects(agent.refreshApps(), { code: 'session-required' });
  t.equal(agent.state().session.signedIn, false);
});

t.test(
  'posture: reported at start, on demand and when wanted, numbered, signed, with the checks asked for',
  async (t) => {
    const edge = await startFakeEdge(t, { ca });
    const reports: { seq: number; checks: unknown[]; kid: string }[] = [];
    edge.edge.posture = ({ body }) => {
      const { header, payload } = readJws(body.report, { maxBytes: 32_768, typ: 'postern-posture+jwt' });
      const report = payload as { seq: number; checks: unknown[]; facts: unknown[] };
      reports.push({ seq: report.seq, checks: report.checks, kid: header.kid });
      return { accepted: report.facts.length, facts: [{ fact: 'firewallOn', state: 'fail', freshForMs: 1000 }] };
    };
    const device = edge.edge.device;
    edge.edge.device = async (call) => ({
      ...(await device(call)),
      checks: [{ id: 'agent-file', title: 'The agent is there', kind: 'file-exists', path: '/opt/agent' }],
    });
    const first = edge.next('posture');
    const agent = await makeFakeAgent(t, { edge, signIn: false });
    await first;
    const shown = await agent.posture.reportNow();
    t.match(shown, {
      checks: [{ id: 'agent-file', title: 'The agent is there', status: 'fail' }],
      judged: [{ fact: 'firewallOn', state: 'fail' }],
    });
    t.ok(agent.state().posture.failing.includes('check:agent-file'));
    while (!agent.state().controller.events) await nextEvent(agent, 'state');
    const wanted = edge.next('posture');
    edge.send({ type: 'posture-wanted' });
    await wanted;
    t.ok(reports.length >= 3);
    t.same(
      reports.map(({ checks }) => checks.length),
      reports.map(() => 1),
    );
    t.ok(
      reports.every(({ seq }, at) => at === 0 || seq > reports[at - 1]!.seq),
      'always a higher number',
    );
    t.match(reports[0]!.kid, /^[\w-]{43}$/);

    // A restored controller, or a lost counter: the number is taken up from what the controller says.
    let refused = 0;
    const top = reports.at(-1)!.seq + 1000;
    const take = edge.edge.posture;
    edge.edge.posture = (call) => {
      refused += 1;
      if (refused === 1) throw new PosternError('conflict', 'used', { extra: { lastSeq: top } });
      return take(call);
    };
    // A call may join a report that is on its way already.
    let last = await agent.posture.reportNow();
    while (refused === 0) last = await agent.posture.reportNow();
    t.equal(last.seq, top + 1);
    edge.edge.posture = () => {
      throw new PosternError('unavailable');
    };
    do last = await agent.posture.reportNow();
    while (last.failure === undefined);
    t.match(last, { seq: undefined, failure: { code: 'unavailable' } }, 'what could not be sent says so');
  },
);

t.test('idleness is told in milliseconds since a person did something (P19)', async (t) => {
  let ahead = 0;
  const clock = { now: () => Date.now() + ahead };
  const edge = await startFakeEdge(t, { ca });
  const asked: number[] = [];
  edge.edge.grants = ({ body }) => {
    asked.push(body.idleMs);
    throw new PosternError('not-allowed');
  };
  const agent = await makeFakeAgent(t, { edge, clock });
  const order = { app: 'wiki', exact: undefined, trace: '0'.repeat(32), hold: false, send: async () => ({ done: 1 }) };
  ahead = 600_000;
  await t.rejects(agent.traffic.run(order), { code: 'not-allowed' });
  agent.activity();
  await t.rejects(agent.traffic.run(order), { code: 'not-allowed' });
  t.ok(asked[0]! >= 600_000 && asked[1]! < 60_000, JSON.stringify(asked));
  await signInFake(agent);
});

t.test('a controller that is gone is named by its leg, in each place; and it is noticed when it is back', async (t) => {
  const edge = await startFakeEdge(t, { ca });
  const agent = await makeFakeAgent(t, { edge, signIn: false });
  t.strictSame(
    (await agent.doctor()).filter(({ ok }) => ok === false).map(({ leg }) => leg),
    ['session'],
  );
  const told = new Promise<void>((resolve) => {
    const off = agent.on(() => {
      if (agent.state().controller.trouble === undefined) return;
      off();
      resolve();
    });
  });
  await edge.close();
  await t.rejects(agent.signIn.start('sign-in'), {
    code: 'unreachable',
    extra: { leg: 'port' },
    tell: /The controller does not answer: nothing listens at 127\.0\.0\.1:\d+ \(connection refused\).* Ask whether/,
  });
  await told;
  t.match(agent.state().controller, { reachable: false, trouble: { leg: 'port', says: /connection refused/ } });
  t.match(
    (await agent.doctor()).find(({ ok }) => ok === false),
    { leg: 'port', name: /^port 127/ },
  );
});
