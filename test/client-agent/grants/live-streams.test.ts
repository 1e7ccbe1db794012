/** P15: what runs lives on under the next grant, presented to the same gateway before the last one ends. */
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { newTrace } from '#shared/base/bytes.ts';
import { PosternError } from '#shared/base/errors.ts';
import { generateKeyPair, keyThumbprint } from '#shared/crypto/keys.ts';
import { makeFakeAgent, nextEvent } from '../../support/fake-edge-agent.ts';
import { fakeGrant, startFakeEdge } from '../../support/fake-edge-controller.ts';
import { type FakeGateway, startFakeGateway } from '../../support/fake-edge-gateway.ts';
import { makeTestCa } from '../../support/test-ca.ts';

const ca = await makeTestCa();

async function world(t: Test, gateway: FakeGateway, scope: 'app' | 'request' = 'app') {
  const clock = { ahead: 0, now: () => Date.now() + clock.ahead };
  const edge = await startFakeEdge(t, { ca });
  const asked: string[] = [];
  const named = { jkt: gateway.jkt };
  edge.edge.grants = ({ body }) => {
    asked.push(body.request?.path ?? '');
    const id = `gr_${String(asked.length).padStart(8, '0')}`;
    return { grant: fakeGrant(id), id, expiresInMs: 60_000, scope, gateways: [{ ...gateway.place, ...named }] };
  };
  const agent = await makeFakeAgent(t, { edge, clock });
  /** A stream that runs until `end`. */
  const stream = async (path: string) => {
    const running = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const exact = { method: 'GET', host: 'wiki.test', path, query: '' };
    const done = agent.traffic.run({
      app: 'wiki',
      exact,
      trace: newTrace(),
      hold: true,
      send: async () => {
        started.resolve();
        await running.promise;
        return { done: 1 };
      },
    });
    await started.promise;
    return {
      end: async () => {
        running.resolve();
        await done;
      },
    };
  };
  return { agent, edge, clock, asked, named, stream };
}

t.test('P15 one grant renews every stream of an app, again and again, and only while they run', async (t) => {
  const gateway = await startFakeGateway(t, { ca });
  const { agent, clock, stream } = await world(t, gateway);
  const streams = [await stream('/a'), await stream('/b')];
  clock.ahead = 39_000;
  await agent.tick();
  t.same(gateway.presented, [], 'not before 2/3');
  clock.ahead = 41_000;
  await agent.tick();
  t.same(gateway.presented, [[fakeGrant('gr_00000002')]]);
  await agent.tick();
  clock.ahead = 60_000;
  await agent.tick();
  t.equal(gateway.presented.length, 1, 'once');
  clock.ahead = 85_000;
  await agent.tick();
  t.same(gateway.presented[1], [fakeGrant('gr_00000003')]);
  for (const one of streams) await one.end();
  clock.ahead = 200_000;
  await agent.tick();
  t.equal(gateway.presented.length, 2);
});

t.test('P1, P15 nothing is renewed at the former instance of a gateway that has joined again', async (t) => {
  const former = await startFakeGateway(t, { ca });
  const { agent, clock, stream, asked, named } = await world(t, former);
  const one = await stream('/a');
  named.jkt = keyThumbprint(generateKeyPair().publicKey);
  clock.ahead = 41_000;
  await agent.tick();
  t.equal(asked.length, 2, 'the next grant was asked for');
  t.same(former.presented, [], 'and is not shown to it: it cuts, or keeps what it has, which is nothing new');
  await one.end();
});

t.test('P15 exact requests are renewed each by a grant for itself', async (t) => {
  const gateway = await startFakeGateway(t, { ca });
  const { agent, clock, stream, asked } = await world(t, gateway, 'request');
  const streams = [await stream('/a'), await stream('/b'), await stream('/a')];
  t.same(asked, ['/a', '/b']);
  clock.ahead = 41_000;
  await agent.tick();
  t.same(asked.slice(2).sort(), ['/a', '/b']);
  t.equal(gateway.presented.length, 1, 'in one call');
  t.equal(gateway.presented[0]!.length, 2);
  for (const one of streams) await one.end();
});

t.test(
  'P15 what ran on a grant of the whole app goes on by grants of its own, when the app is granted so',
  async (t) => {
    const gateway = await startFakeGateway(t, { ca });
    const { agent, clock, stream, asked, edge } = await world(t, gateway);
    const streams = [await stream('/a'), await stream('/b'), await stream('/a')];
    const real = edge.edge.grants;
    edge.edge.grants = async (call) => {
      if (call.body.request === undefined) throw new PosternError('request-needed');
      return { ...(await real(call)), scope: 'request' };
    };
    clock.ahead = 41_000;
    await agent.tick();
    t.same(asked.slice(1).sort(), ['/a', '/b']);
    t.equal(gateway.presented.flat().length, 2);
    clock.ahead = 85_000;
    await agent.tick();
    t.equal(gateway.presented.flat().length, 4);
    for (const one of streams) await one.end();
  },
);

t.test('P15 a grant of the whole app is renewed for the whole app, whatever one stream may still do', async (t) => {
  const gateway = await startFakeGateway(t, { ca });
  const { agent, clock, stream, asked } = await world(t, gateway);
  const streams = [await stream('/a'), await stream('/b')];
  clock.ahead = 41_000;
  await agent.tick();
  t.same(asked, ['/a', '']);
  for (const one of streams) await one.end();
});

t.test('P15 a refused renewal is told, and tried with another grant until the gateway cuts', async (t) => {
  const gateway = await startFakeGateway(t, { ca });
  const { agent, clock, stream } = await world(t, gateway);
  const one = await stream('/a');
  gateway.answers.renewal = () => ({ renewed: 0, refused: [{ index: 0, code: 'rules-refused' }] });
  clock.ahead = 41_000;
  const refused = nextEvent(agent, 'refused');
  await agent.tick();
  t.match((await refused).refused, { app: 'wiki', code: 'stream-cut', by: 'gateway', gateway: 'gw1' });
  gateway.answers.renewal = (grants) => ({ renewed: grants.length, refused: [] });
  clock.ahead = 47_000;
  await agent.tick();
  t.equal(gateway.presented.length, 2);
  t.not(gateway.presented[0]![0], gateway.presented[1]![0]);
  await one.end();
});

t.test('P15 when the controller refuses the next grant, the person is told before the stream ends', async (t) => {
  const gateway = await startFakeGateway(t, { ca });
  const { agent, clock, stream, edge } = await world(t, gateway);
  const one = await stream('/a');
  edge.edge.grants = () => {
    throw new PosternError('session-idle');
  };
  clock.ahead = 41_000;
  await agent.tick();
  t.match(agent.why(), [{ app: 'wiki', code: 'session-idle', by: 'controller' }]);
  t.match(agent.state().session, { signedIn: true, idle: true });
  t.same(gateway.presented, []);
  await one.end();
});

t.test('P15 a tunnel is renewed until it closes', async (t) => {
  const gateway = await startFakeGateway(t, { ca });
  const { agent, clock, edge } = await world(t, gateway);
  edge.setApps([{ id: 'db', name: 'DB', kind: 'tcp', hosts: ['db.test'], port: 5432, usable: true, fixes: [] }]);
  const tunnel = await agent.traffic.openTunnel({ app: 'db', trace: newTrace(), hold: true });
  clock.ahead = 41_000;
  await agent.tick();
  t.equal(gateway.presented.length, 1);
  tunnel.write('still here');
  t.equal(String(((await once(tunnel, 'data')) as [Buffer])[0]), 'still here', 'sleep of the clock ends no tunnel');
  tunnel.destroy();
  await once(tunnel, 'close');
  clock.ahead = 200_000;
  await agent.tick();
  t.equal(gateway.presented.length, 1);
});
