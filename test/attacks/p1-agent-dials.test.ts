/** P1: an agent talks to `/controller/` only, and at a gateway's address to exactly the gateway that the grant answer named. */
import t from 'tap';
import { generateKeyPair, keyThumbprint } from '#shared/crypto/keys.ts';
import { asCallError } from '#shared/wire/call-errors.ts';
import { enrolFake, makeFakeAgent, startFakeAgent } from '../support/fake-edge-agent.ts';
import { fakeGrant, startFakeEdge } from '../support/fake-edge-controller.ts';
import { forwardTo } from '../support/fake-edge-forward.ts';
import { startFakeGateway } from '../support/fake-edge-gateway.ts';
import { makeTestCa } from '../support/test-ca.ts';

const ca = await makeTestCa();

t.test('P1 a device or gateway certificate that plays the controller is handed nothing', async (t) => {
  for (const role of ['device', 'gateway'] as const) {
    const edge = await startFakeEdge(t, { ca });
    const dir = await enrolFake(t, { edge });
    const impostor = await startFakeEdge(t, { ca, role });
    // The address of the controller now leads to the impostor, as a poisoned name would.
    const agent = await startFakeAgent(t, dir);
    const { flow } = await agent.signIn.start('sign-in');
    await agent.stop();
    const again = await startFakeAgent(t, forwardTo(dir, edge.mutual, impostor.mutual));
    await t.rejects(again.signIn.start('sign-in'), { code: 'peer-refused' }, role);
    await t.rejects(again.signIn.answer(flow, 'password', 'right'), { code: 'peer-refused' }, `${role}, password`);
    t.match(await again.posture.reportNow(), { failure: { code: 'peer-refused' } }, `${role}, posture`);
    t.match(again.state().controller, { reachable: false, failure: 'peer-refused' });
    t.same(impostor.called, [], `a ${role} heard nothing`);
  }
});

t.test('P1 an impostor among several controllers does not stop the agent', async (t) => {
  const edge = await startFakeEdge(t, { ca });
  const dir = await enrolFake(t, { edge });
  const impostor = await startFakeEdge(t, { ca, role: 'gateway' });
  const agent = await startFakeAgent(t, forwardTo(dir, edge.mutual, impostor.mutual, edge.mutual));
  const { flow } = await agent.signIn.start('sign-in');
  t.match(await agent.signIn.answer(flow, 'password', 'right'), { signedIn: true });
  t.same(impostor.called, []);
});

t.test('P1 a grant is shown to the one gateway it was given for', async (t) => {
  const edge = await startFakeEdge(t, { ca });
  const agent = await makeFakeAgent(t, { edge });
  const impostors = [
    await startFakeGateway(t, { ca, id: 'gw2' }),
    await startFakeGateway(t, { ca, id: 'gw1', role: 'device' }),
    await startFakeGateway(t, { ca, id: 'gw1', role: 'controller' }),
    await startFakeGateway(t, { ca: await makeTestCa(), id: 'gw1' }),
  ];
  const real = await startFakeGateway(t, { ca, id: 'gw1' });
  let address = '';
  let jkt: string | undefined;
  edge.edge.grants = () => ({
    grant: fakeGrant('gr_00000001'),
    id: 'gr_00000001',
    expiresInMs: 60_000,
    scope: 'request',
    gateways: [{ id: 'gw1', site: 'main', address, ...(jkt === undefined ? {} : { jkt }) }],
  });
  const ask = async (path: string) => {
    const exact = { method: 'GET', host: 'wiki.test', path, query: '' };
    const order = { app: 'wiki', exact, trace: '0'.repeat(32), hold: false };
    return agent.traffic.run({
      ...order,
      send: async ({ forward, grant }) => {
        try {
          const { body } = await forward.dispatcher.request({
            origin: forward.origin,
            path,
            method: 'GET',
            headers: { 'postern-grant': grant },
          });
          return { done: await body.text() };
        } catch (thrown) {
          return { refused: asCallError('send', thrown), canRepeat: true };
        }
      },
    });
  };
  for (const [index, impostor] of impostors.entries()) {
    address = impostor.place.address;
    await t.rejects(ask(`/${index}`), { code: 'unavailable' });
    t.same(impostor.seen, [], `impostor ${index}`);
  }
  address = real.place.address;
  t.equal(await ask('/real'), fakeGrant('gr_00000001'));
  const shown = () => real.seen.filter(({ grant }) => grant !== undefined).length;
  t.equal(shown(), 1);

  // Its certificate is good for hours yet, but it has joined again since, with the key that the answer names.
  jkt = keyThumbprint(generateKeyPair().publicKey);
  await t.rejects(ask('/former'), { code: 'unavailable' });
  t.equal(shown(), 1, 'the former instance is shown nothing');
  jkt = real.jkt;
  t.equal(await ask('/same'), fakeGrant('gr_00000001'));
});
