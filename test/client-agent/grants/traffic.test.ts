/** Requests through the whole core: a real agent, a fake controller, fake gateways, everything over TLS. */
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { newTrace } from '#shared/base/bytes.ts';
import { PosternError } from '#shared/base/errors.ts';
import { grantHeader } from '#shared/contracts/agent-to-gateway.ts';
import { nextEvent, signInFake } from '../../support/fake-edge-agent.ts';
import { fakeGrant } from '../../support/fake-edge-controller.ts';
import { type FakeGateway, refuseAt, startFakeGateway } from '../../support/fake-edge-gateway.ts';
import { makeTestCa } from '../../support/test-ca.ts';
import { trafficWorld } from '../../support/traffic-world.ts';

const ca = await makeTestCa();
const world = (t: Test, gateways: readonly FakeGateway[], signIn = true) => trafficWorld(t, ca, gateways, signIn);

t.test('a request goes with its grant; the next one with the same', async (t) => {
  const gateway = await startFakeGateway(t, { ca });
  const { ask, edge } = await world(t, [gateway]);
  t.match(await ask('/a'), { status: 200, text: fakeGrant('gr_00000001') });
  t.match(await ask('/b'), { status: 200, text: fakeGrant('gr_00000001') });
  t.equal(edge.count('grants'), 1);
  gateway.answers.request = (_, res) =>
    res.writeHead(403, { 'content-type': 'application/problem+json' }).end('{"code":"grant-expired"}');
  t.match(await ask('/c'), { status: 403 }, "the app's own refusal is the app's");
  t.equal(edge.count('grants'), 1);
});

t.test('next: renew brings a new grant and one repetition, with the body', async (t) => {
  const gateway = await startFakeGateway(t, { ca });
  const { ask, edge, agent } = await world(t, [gateway]);
  const bodies: string[] = [];
  const grants: unknown[] = [];
  gateway.answers.request = async (req, res) => {
    let body = '';
    for await (const chunk of req) body += String(chunk);
    bodies.push(body);
    grants.push(req.headers[grantHeader]);
    if (grants.length === 1) refuseAt(res, 'grant-below-floor', { retryAfterMs: 1 });
    else res.end('saved');
  };
  t.match(await ask('/save', { method: 'POST', body: 'text' }), { status: 200, text: 'saved' });
  t.same(bodies, ['text', 'text']);
  t.not(grants[0], grants[1]);
  t.equal(edge.count('grants'), 2);
  t.same(agent.why(), [], 'what went well in the end is no refusal');

  gateway.answers.request = (_, res) => refuseAt(res, 'grant-revoked');
  const before = gateway.seen.length;
  t.match(await ask('/again'), { status: 403, text: 'grant-revoked' });
  t.equal(gateway.seen.length - before, 2, 'one repetition and no more');
  t.match(agent.why('wiki'), [{ by: 'gateway', code: 'grant-revoked', gateway: 'gw1', request: { path: '/again' } }]);
  t.same(agent.why('payroll'), []);
});

t.test('a dead, a stale and a false gateway are passed over', async (t) => {
  const dead = await startFakeGateway(t, { ca, id: 'gw1' });
  const stale = await startFakeGateway(t, { ca, id: 'gw2', onRequest: (_, res) => refuseAt(res, 'gateway-stale') });
  const impostor = await startFakeGateway(t, { ca, id: 'gw9' });
  const good = await startFakeGateway(t, { ca, id: 'gw4' });
  const posing = { ...impostor, place: { ...impostor.place, id: 'gw3' } };
  const { ask, agent } = await world(t, [dead, stale, posing, good]);
  dead.stop();
  t.match(await ask('/a'), { status: 200 });
  t.equal(stale.seen.length, 1);
  t.equal(impostor.seen.length, 0, 'P1');
  await ask('/b');
  t.equal(stale.seen.length, 1, 'the one that failed of late is asked last');
  t.equal(good.seen.length, 2);
  good.stop();
  // Of those that are left one is known to be stale: that says more than that nobody could be reached.
  t.match(await ask('/c'), { status: 503, text: 'gateway-stale' });
  t.match(agent.why()[0], { code: 'gateway-stale' });
});

t.test(
  'a gateway that is no more where the grant says is asked for at once, and only once for all who look for it',
  async (t) => {
    const former = await startFakeGateway(t, { ca, id: 'gw1' });
    const moved = await startFakeGateway(t, { ca, id: 'gw1' });
    const gateways = [former];
    const { ask, edge } = await world(t, gateways);
    t.match(await ask('/a'), { status: 200 });
    former.stop();
    gateways[0] = moved;
    t.match(await ask('/b', { method: 'POST', body: 'once' }), { status: 200, text: fakeGrant('gr_00000002') });
    t.equal(edge.count('grants'), 2);
    moved.stop();
    t.match(await ask('/c'), { status: 503 });
    t.equal(edge.count('grants'), 3, 'asked whether it has moved again');
    t.match(await ask('/d'), { status: 503 });
    t.equal(edge.count('grants'), 3, 'and not again at once');
  },
);

t.test('where another gateway serves nobody is asked where the first has gone', async (t) => {
  const dead = await startFakeGateway(t, { ca, id: 'gw1' });
  const good = await startFakeGateway(t, { ca, id: 'gw2' });
  const { ask, edge } = await world(t, [dead, good]);
  dead.stop();
  t.match(await ask('/a'), { status: 200 });
  t.equal(edge.count('grants'), 1);
});

t.test('step-up: the request waits, the person signs in, the request goes on once', async (t) => {
  const gateway = await startFakeGateway(t, { ca });
  const { ask, agent, edge } = await world(t, [gateway], false);
  const held = nextEvent(agent, 'hold');
  const answer = ask('/a', { method: 'POST', body: 'once' });
  t.match((await held).hold, { app: 'wiki', kind: 'step-up', purpose: 'sign-in', code: 'session-required' });
  t.equal(agent.holds().length, 1);
  t.equal(edge.count('grants'), 0, 'without a session nobody is asked');
  t.match(agent.why(), [{ code: 'session-required', request: { method: 'POST', path: '/a' } }]);
  const ended = nextEvent(agent, 'hold-ended');
  await signInFake(agent);
  t.match(await answer, { status: 200 });
  t.match(await ended, { how: 'went-on' });
  t.equal(gateway.seen.length, 1);
  t.same(agent.holds(), []);
});

t.test('fix-device: a good posture report lets it go on; a change meanwhile is not missed', async (t) => {
  const gateway = await startFakeGateway(t, { ca });
  const { ask, agent, edge } = await world(t, [gateway]);
  const real = edge.edge.grants;
  const fixes = [{ kind: 'posture' as const, fact: 'firewallOn', text: 'Turn the firewall on.' }];
  let asked = 0;
  edge.edge.grants = async (call) => {
    asked += 1;
    // The report comes while the ask is on its way.
    if (asked === 1) await agent.posture.reportNow();
    if (asked < 3) throw new PosternError('device-unfit', 'unfit', { extra: { fixes } });
    return real(call);
  };
  const held = nextEvent(agent, 'hold');
  const answer = ask('/a');
  t.match((await held).hold, { kind: 'fix-device', fixes });
  while (asked < 3) await agent.posture.reportNow();
  t.match(await answer, { status: 200 });
});

t.test('an app that wants a young session: a new sign-in while signed in lets the request go on', async (t) => {
  const gateway = await startFakeGateway(t, { ca });
  const { ask, agent, edge } = await world(t, [gateway]);
  const real = edge.edge.grants;
  const fixes = [{ kind: 'sign-in' as const, text: 'Sign in again: the last time was 5 h ago.' }];
  let young = false;
  edge.edge.grants = async (call) => {
    if (!young) throw new PosternError('sign-in-again', 'an old session', { extra: { fixes } });
    return real(call);
  };
  const held = nextEvent(agent, 'hold');
  const answer = ask('/a');
  t.match((await held).hold, { kind: 'step-up', purpose: 'sign-in', code: 'sign-in-again', fixes });
  t.ok(agent.state().session.signedIn, 'other apps go on meanwhile');
  young = true;
  await signInFake(agent);
  t.match(await answer, { status: 200 });
});

/** Rules that refuse `/pay` under all grants but those in `good`. */
const refusePay = (gateway: FakeGateway, good: readonly string[] = []) => {
  gateway.answers.request = (req, res) => {
    if (req.url === '/pay' && !good.includes(String(req.headers[grantHeader]))) refuseAt(res, 'rules-refused');
    else res.end('paid');
  };
};

t.test('P10 what the rules of a grant refuse, the controller explains, and the grant serves the others', async (t) => {
  const gateway = await startFakeGateway(t, { ca });
  const { ask, agent, edge } = await world(t, [gateway]);
  const real = edge.edge.grants;
  const asked: (string | undefined)[] = [];
  edge.edge.grants = (call) => {
    asked.push(call.body.request?.path);
    if (call.body.request?.path === '/pay') throw new PosternError('not-allowed', 'x', { tell: 'Not you.' });
    return real(call);
  };
  refusePay(gateway);
  t.match(await ask('/a'), { status: 200 });
  t.match(await ask('/pay'), { status: 403, text: 'not-allowed' });
  t.match(agent.why(), [{ by: 'controller', code: 'not-allowed', detail: 'Not you.', request: { path: '/pay' } }]);
  t.match(await ask('/b'), { status: 200 });
  t.same(asked, ['/a', '/pay'], 'asked once, and /b went by the grant of /a');
});

t.test('P10 a step-up that only one request needs holds that one, and it goes on by the new grant', async (t) => {
  const gateway = await startFakeGateway(t, { ca });
  const { ask, agent, edge } = await world(t, [gateway]);
  const real = edge.edge.grants;
  const fixes = [{ kind: 'second-factor' as const, text: 'Confirm it.' }];
  let confirmed = false;
  edge.edge.grants = (call) => {
    if (call.body.request?.path === '/pay' && !confirmed)
      throw new PosternError('step-up-required', 'x', { extra: { fixes } });
    return real(call);
  };
  refusePay(gateway, [fakeGrant('gr_00000002')]);
  t.match(await ask('/a'), { status: 200 });
  const held = nextEvent(agent, 'hold');
  const answer = ask('/pay', { method: 'POST', body: 'a little' });
  t.match((await held).hold, { kind: 'step-up', purpose: 'step-up', fixes, request: { path: '/pay' } });
  confirmed = true;
  await signInFake(agent);
  t.match(await answer, { status: 200, text: 'paid' });
});

t.test('P10 when gateway and controller disagree, it is asked once and no more', async (t) => {
  const gateway = await startFakeGateway(t, { ca });
  const { ask, agent, edge } = await world(t, [gateway]);
  refusePay(gateway);
  t.match(await ask('/pay'), { status: 403, text: 'rules-refused' });
  t.equal(gateway.seen.length, 2);
  t.equal(edge.count('grants'), 2, 'one to begin with, one because of the refusal');
  const fixes = [{ kind: 'network', text: /not open from the network that you are on/ }];
  t.match(agent.why(), [{ by: 'gateway', code: 'rules-refused', gateway: 'gw1', fixes }]);
  await Promise.all(Array.from({ length: 8 }, () => ask('/pay')));
  t.ok(edge.count('grants') <= 2 + 8, 'never more than one for each');
});

t.test('who declines, or does not want to wait, gets the refusal itself', async (t) => {
  const gateway = await startFakeGateway(t, { ca });
  const { ask, agent } = await world(t, [gateway], false);
  t.match(await ask('/a', { headers: { 'x-hold': 'no' } }), { status: 401, text: 'session-required' });
  const held = nextEvent(agent, 'hold');
  const answer = ask('/b');
  agent.giveUp((await held).hold.id);
  t.match(await answer, { status: 401, text: 'session-required' });
});

t.test('a TCP app is a tunnel; its refusals are acted on as well', async (t) => {
  const gateway = await startFakeGateway(t, { ca });
  const { agent, edge } = await world(t, [gateway]);
  edge.setApps([{ id: 'db', name: 'DB', kind: 'tcp', hosts: ['db.test'], port: 5432, usable: true, fixes: [] }]);
  let connects = 0;
  const open = gateway.answers.connect;
  gateway.answers.connect = (req, socket) => {
    connects += 1;
    if (connects === 1) gateway.refuseConnect(req, socket, 'grant-expired');
    else open(req, socket);
  };
  const tunnel = await agent.traffic.openTunnel({ app: 'db', trace: newTrace(), hold: true });
  t.match(gateway.seen, [{ method: 'CONNECT', url: 'db.test:5432' }, { grant: fakeGrant('gr_00000002') }]);
  tunnel.write('hello');
  const [echo] = (await once(tunnel, 'data')) as [Buffer];
  t.equal(String(echo), 'hello');
  tunnel.destroy();
  gateway.answers.connect = (req, socket) => gateway.refuseConnect(req, socket, 'not-allowed');
  await t.rejects(agent.traffic.openTunnel({ app: 'db', trace: newTrace(), hold: true }), { code: 'not-allowed' });
  for (const app of ['nothing', 'wiki']) {
    await t.rejects(agent.traffic.openTunnel({ app, trace: newTrace(), hold: true }), { code: 'not-allowed' }, 'P12');
  }
});
