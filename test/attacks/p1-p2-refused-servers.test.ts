/** The same table at every end that dials: a server that shows a bad certificate is sent nothing, whoever would have talked to it. */
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '#shared/base/clock.ts';
import { asCallError } from '#shared/wire/call-errors.ts';
import { encodeInvitation } from '#shared/wire/invitation.ts';
import { openKeys } from '../../gateway/keystore/key-files.ts';
import { readMembership } from '../../gateway/keystore/membership.ts';
import { ControllerLink } from '../../gateway/to-controller/controller-link.ts';
import { joinController } from '../../gateway/to-controller/join.ts';
import {
  type BadLeaf,
  badLeaves,
  briefMs,
  forgedLeaf,
  type LeafPlace,
  type ProvenLeaf,
} from '../support/bad-leaves.ts';
import { startFakeController } from '../support/fake-controller.ts';
import { enrolFake, makeFakeAgent, startFakeAgent } from '../support/fake-edge-agent.ts';
import { fakeGrant, startFakeEdge } from '../support/fake-edge-controller.ts';
import { forwardTo } from '../support/fake-edge-forward.ts';
import { startFakeGateway } from '../support/fake-edge-gateway.ts';
import { makeWorld } from '../support/gateway-world.ts';
import { type Impostor, startImpostor } from '../support/impostor.ts';
import { makeTestCa } from '../support/test-ca.ts';

/** A server has a certificate in any case. */
const shown = async (place: LeafPlace): Promise<(BadLeaf & { readonly leaf: ProvenLeaf })[]> =>
  (await badLeaves(place)).flatMap((bad) => (bad.leaf === undefined ? [] : [{ ...bad, leaf: bad.leaf }]));

t.test('P1 P2 an agent sends nothing to a controller with a bad certificate', async (t) => {
  const ca = await makeTestCa();
  const place = { issuer: ca.issuer, trustDomain: ca.trustDomain, role: 'controller', id: 'c1' } as const;
  const edge = await startFakeEdge(t, { ca });
  const dir = await enrolFake(t, { edge });
  const impostor = await startImpostor(t);
  const agent = await startFakeAgent(t, forwardTo(dir, edge.mutual, impostor.address));
  for (const { what, leaf } of await shown(place)) {
    impostor.show(leaf, ca.bundle);
    await t.rejects(agent.signIn.start('sign-in'), { code: 'peer-refused' }, `${what}: sign-in`);
    t.match(await agent.posture.reportNow(), { failure: { code: 'peer-refused' } }, `${what}: posture`);
    t.same(impostor.heard(), '', what);
  }
  impostor.show(await forgedLeaf(place), ca.bundle);
  await t.rejects(agent.signIn.start('sign-in'), { code: /^(?!peer-refused)/ });
  t.match(impostor.heard(), /^\w+ \/v1\//, 'a good one is talked to');
});

t.test('P1 P2 an agent shows its grant to no gateway with a bad certificate', async (t) => {
  const ca = await makeTestCa();
  const place = { issuer: ca.issuer, trustDomain: ca.trustDomain, role: 'gateway', id: 'gw1' } as const;
  const edge = await startFakeEdge(t, { ca });
  const agent = await makeFakeAgent(t, { edge });
  let impostor: Impostor | undefined;
  edge.edge.grants = () => ({
    grant: fakeGrant('gr_00000001'),
    id: 'gr_00000001',
    expiresInMs: 60_000,
    scope: 'request',
    gateways: [{ id: 'gw1', site: 'main', address: impostor!.address }],
  });
  const ask = (path: string) => {
    const exact = { method: 'GET', host: 'wiki.test', path, query: '' };
    return agent.traffic.run({
      app: 'wiki',
      exact,
      trace: '0'.repeat(32),
      hold: false,
      send: async ({ forward, grant }) => {
        const order = { origin: forward.origin, path, method: 'GET', headers: { 'postern-grant': grant } } as const;
        try {
          return { done: await (await forward.dispatcher.request(order)).body.text() };
        } catch (thrown) {
          return { refused: asCallError('send', thrown), canRepeat: true };
        }
      },
    });
  };
  const table = [...(await shown(place)), { what: 'another gateway', leaf: await forgedLeaf({ ...place, id: 'gw2' }) }];
  for (const [index, { what, leaf }] of table.entries()) {
    impostor = await startImpostor(t);
    impostor.show(leaf, ca.bundle);
    await t.rejects(ask(`/${index}`), { code: 'unavailable' }, what);
    t.equal(impostor.heard(), '', what);
  }
  const real = await startFakeGateway(t, { ca, id: 'gw1' });
  impostor = { ...impostor!, address: real.place.address };
  t.equal(await ask('/real'), fakeGrant('gr_00000001'), 'the right one is shown it');
});

t.test('P1 P2 a gateway sends nothing to a controller with a bad certificate, and joins none', async (t) => {
  const world = await makeWorld();
  const controller = await startFakeController(world, []);
  t.teardown(() => controller.stop());
  const base = t.testdir({ member: {}, fresh: {} });
  const [dir, fresh] = [join(base, 'member'), join(base, 'fresh')];
  await joinController({ dir, invitation: controller.invitation, clock: systemClock });
  const impostor = await startImpostor(t);
  const bundle = [world.root.certificate];
  const place = { issuer: world.issuer, trustDomain: 'postern.test', role: 'controller', id: 'c1' } as const;
  const member = { ...readMembership(dir)!, controllers: [impostor.address] };
  const invitation = encodeInvitation({
    v: 1,
    u: impostor.address,
    c: impostor.address,
    p: controller.pin,
    k: 'A'.repeat(22),
    r: 'gateway',
    o: 'Test',
  });
  for (const { what, leaf } of await shown(place)) {
    impostor.show(leaf, bundle);
    const link = new ControllerLink({ membership: () => member, keys: openKeys(dir), clock: systemClock });
    const applied = { generation: 'gen_00000001', through: 1, closed: [] };
    await t.rejects(link.client.applied({ body: applied }), { code: 'peer-refused' }, `${what}: a call`);
    await t.rejects(link.client.stream({ query: {} }), { code: 'peer-refused' }, `${what}: the stream`);
    await link.stop();
    await t.rejects(
      joinController({ dir: fresh, invitation, clock: systemClock }),
      { code: 'peer-refused' },
      `${what}: join`,
    );
    t.equal(readMembership(fresh), undefined);
    t.equal(impostor.heard(), '', what);
  }
});

t.test('P2 an agent does not resume with a controller whose certificate has ended meanwhile', async (t) => {
  const ca = await makeTestCa();
  const place = { issuer: ca.issuer, trustDomain: ca.trustDomain, role: 'controller', id: 'c1' } as const;
  const edge = await startFakeEdge(t, { ca });
  const dir = await enrolFake(t, { edge });
  const impostor = await startImpostor(t, { tickets: true });
  const endsAt = Date.now() + briefMs;
  impostor.show(await forgedLeaf(place, { notAfter: endsAt }), ca.bundle);
  const agent = await startFakeAgent(t, forwardTo(dir, edge.mutual, impostor.address));
  await t.rejects(agent.signIn.start('sign-in'));
  t.match(impostor.heard(), /^\w+ \/v1\//, 'talked to while it was valid');
  await impostor.allClosed(endsAt);
  impostor.heard();
  await t.rejects(agent.signIn.start('sign-in'), { code: 'peer-refused' });
  t.equal(impostor.heard(), '');
  t.equal(impostor.resumed(), 0);
});
