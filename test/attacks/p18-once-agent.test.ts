/**
 * P18: the agent and grants for one use. It asks for one for each such request and keeps none, and sends nothing twice that may have
 * arrived: a real agent, a fake controller and fake gateways, everything over TLS.
 */
import type { ServerResponse } from 'node:http';
import t, { type Test } from 'tap';
import { forwardedHeader, verdictHeader } from '#shared/contracts/agent-to-gateway.ts';
import { fakeGrant } from '../support/fake-edge-controller.ts';
import { type FakeGateway, refuseAt, startFakeGateway } from '../support/fake-edge-gateway.ts';
import { makeTestCa } from '../support/test-ca.ts';
import { trafficWorld } from '../support/traffic-world.ts';

const ca = await makeTestCa();
const isExport = (path: string | undefined) => path?.startsWith('/export') === true;

/** `/export...` is granted for one use at one gateway, everything else for many. */
async function begin(t: Test, gateways: readonly FakeGateway[]) {
  const world = await trafficWorld(t, ca, gateways);
  const asks: { path: string | undefined; avoid: readonly string[]; use: string }[] = [];
  let n = 0;
  world.edge.edge.grants = ({ body }) => {
    n += 1;
    const id = `gr_${String(n).padStart(8, '0')}`;
    const use = isExport(body.request?.path) ? 'once' : 'many';
    const avoid = body.avoid ?? [];
    asks.push({ path: body.request?.path, avoid, use });
    const places = gateways.map(({ place }) => place);
    const one = places.filter((place) => !avoid.includes(place.id)).slice(0, 1);
    const scope = use === 'once' ? 'request' : 'app';
    return { grant: fakeGrant(id, use), id, expiresInMs: 60_000, scope, gateways: use === 'once' ? one : places };
  };
  return { ...world, asks };
}

/** As the real one: a grant for many is refused where one use at a time is wanted. */
const strict = (gateway: FakeGateway, answer: (res: ServerResponse) => void = (res) => res.end('done')) => {
  gateway.answers.request = (req, res) => {
    const isOnce = isOnceGrant(String(req.headers['postern-grant']));
    if (isExport(req.url) && !isOnce) refuseAt(res, 'once-needed');
    else if (isExport(req.url)) answer(res);
    else res.end('page');
  };
};
const isOnceGrant = (grant: string) =>
  JSON.parse(Buffer.from(grant.split('.')[1] ?? '', 'base64url').toString() || '{}').use === 'once';

t.test('P18 refused for many it asks for this one; the next time at once; the others keep theirs', async (t) => {
  const gateway = await startFakeGateway(t, { ca });
  const { ask, asks } = await begin(t, [gateway]);
  strict(gateway);
  t.match(await ask('/page'), { status: 200, text: 'page' });
  t.match(await ask('/export', { method: 'POST', body: 'x'.repeat(1000) }), { status: 200, text: 'done' });
  t.same(
    asks.map(({ use }) => use),
    ['many', 'once'],
  );
  t.match(await ask('/page'), { status: 200 });
  t.equal(asks.length, 2, 'the grant for many is still in use');
  const before = gateway.seen.length;
  t.match(await ask('/export', { method: 'POST' }), { status: 200, text: 'done' });
  t.same([asks.length, gateway.seen.length - before], [3, 1], 'by a grant of its own, without trying the other first');
  const grants = gateway.seen.filter(({ url }) => url === '/export').map(({ grant }) => grant);
  t.equal(new Set(grants.slice(1)).size, 2);
});

t.test('P18 many at the same moment: a grant each', async (t) => {
  const gateway = await startFakeGateway(t, { ca });
  const { ask, asks } = await begin(t, [gateway]);
  strict(gateway);
  await ask('/page');
  const answers = await Promise.all(Array.from({ length: 5 }, () => ask('/export', { method: 'POST' })));
  t.same(
    answers.map(({ text }) => text),
    Array.from({ length: 5 }, () => 'done'),
  );
  t.equal(asks.filter(({ use }) => use === 'once').length, 5);
  const grants = gateway.seen.filter(({ grant }) => isOnceGrant(grant!)).map(({ grant }) => grant);
  t.equal(new Set(grants).size, 5, 'none was shown twice');
});

t.test('P18 what may have arrived is not sent again, not even a GET', async (t) => {
  const gateway = await startFakeGateway(t, { ca });
  const other = await startFakeGateway(t, { ca, id: 'gw2' });
  const { ask } = await begin(t, [gateway, other]);
  for (const one of [gateway, other]) strict(one, (res) => res.socket?.destroy());
  t.match(await ask('/export'), { status: 503, text: 'unreachable' });
  const shown = [...gateway.seen, ...other.seen].filter(({ grant }) => isOnceGrant(grant!));
  t.equal(shown.length, 1, 'at one gateway, once');
});

for (const how of ['JSON', 'page'] as const)
  t.test(`P18 nor when the gateway says that the app may have had it (${how})`, async (t) => {
    const gateway = await startFakeGateway(t, { ca });
    const { ask } = await begin(t, [gateway]);
    strict(gateway, (res) => {
      res.setHeader(forwardedHeader, 'true');
      if (how === 'JSON') refuseAt(res, 'grant-revoked', { forwarded: true });
      else res.writeHead(403, { 'content-type': 'text/html', [verdictHeader]: 'grant-revoked' }).end('<h1>no</h1>');
    });
    t.match(await ask('/export'), { status: 403, text: 'grant-revoked' });
    t.equal(gateway.seen.filter(({ grant }) => isOnceGrant(grant!)).length, 1);
  });

t.test('P14, P18 of many, what changes something is not sent again either', async (t) => {
  const gateway = await startFakeGateway(t, { ca });
  const { ask } = await begin(t, [gateway]);
  const refuse = (forwarded: boolean) => {
    gateway.seen.length = 0;
    gateway.answers.request = (_, res) => {
      if (gateway.seen.length > 1) return void res.end('done');
      if (forwarded) res.setHeader(forwardedHeader, 'true');
      refuseAt(res, 'grant-revoked');
    };
  };
  refuse(true);
  t.match(await ask('/page', { method: 'POST', body: 'x' }), { status: 403, text: 'grant-revoked' });
  refuse(false);
  t.match(await ask('/page', { method: 'POST', body: 'x' }), { status: 200, text: 'done' }, 'unless it was not sent');
  refuse(true);
  t.match(await ask('/page'), { status: 200, text: 'done' }, 'and what is only read does no harm twice');
});

t.test('P18 a grant that was used by somebody else: another, once', async (t) => {
  const gateway = await startFakeGateway(t, { ca });
  const { ask, asks } = await begin(t, [gateway]);
  let shown = 0;
  strict(gateway, (res) => {
    shown += 1;
    if (shown === 1) refuseAt(res, 'grant-used');
    else res.end('done');
  });
  t.match(await ask('/export', { method: 'POST', body: 'x' }), { status: 200, text: 'done' });
  t.equal(asks.length, 2);
  strict(gateway, (res) => refuseAt(res, 'grant-used'));
  t.match(await ask('/export', { method: 'POST', body: 'x' }), { status: 403, text: 'grant-used' });
});

t.test('P18 its one gateway cannot be reached: a grant for another', async (t) => {
  const dead = await startFakeGateway(t, { ca, id: 'gw0' });
  const gateway = await startFakeGateway(t, { ca });
  const { ask, asks } = await begin(t, [dead, gateway]);
  dead.stop();
  strict(gateway);
  t.match(await ask('/export', { method: 'POST', body: 'x' }), { status: 200, text: 'done' });
  t.same(
    asks.map(({ avoid }) => avoid),
    [[], ['gw0']],
  );
});
