/** The whole controller, a gateway on its stream and an agent with a grant: what administrators take away is gone. */
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { generateKeyPair, privateKeyToPem } from '#shared/crypto/keys.ts';
import { enrolAgent, joinGateway } from '../controller/support/fake-peers.ts';
import { runController } from '../controller/support/run-controller.ts';

const wiki = {
  id: 'wiki',
  name: 'Wiki',
  kind: 'http' as const,
  site: 'main',
  hosts: ['wiki.test'],
  upstream: 'http://127.0.0.1:1',
};
const policies = [
  {
    id: 'staff',
    text: 'permit (principal in Group::"staff", action, resource == App::"wiki") when { context.session.secondFactor };',
  },
];
const groups = [
  { id: 'staff', name: 'Staff' },
  { id: 'team', name: 'Team', parents: ['staff'] },
];

async function begin(t: Test) {
  const controller = await runController(t);
  const admin = controller.as({ reason: 'test' });
  const gateway = await joinGateway(t, controller, 'gw-main');
  await admin.apply({ body: { bundle: { groups, apps: [wiki], policies }, dryRun: false } });
  await admin.putPerson({ params: { id: 'emma' }, body: { groups: ['team'] } });
  const { call, device } = await enrolAgent(t, controller, 'emma');
  const grant = () => call.grants({ body: { app: 'wiki', act: 'request', idleMs: 0 } });
  const revocations = () => gateway.changes.flatMap((change) => (change.kind === 'revoke' ? change.revocations : []));
  return { controller, admin, gateway, call, device, grant, revocations };
}

t.test('P14 a change of groups takes back what rested on them, and nothing else', async (t) => {
  const { admin, grant, revocations } = await begin(t);
  const { id } = await grant();
  t.match((await admin.grants()).items, [{ id, person: 'emma', app: 'wiki' }]);
  await admin.putGroup({ params: { id: 'team' }, body: { name: 'The team' } });
  await admin.putGroup({ params: { id: 'other' }, body: { members: ['emma'] } });
  t.equal((await admin.grants()).items.length, 1, 'what did not get worse lives');
  await admin.putGroup({ params: { id: 'team' }, body: { parents: [] } });
  t.same((await admin.grants()).items, []);
  await t.rejects(grant(), { code: 'not-allowed' });
  t.match(await admin.cut({ params: { change: (await admin.status()).change } }), {
    gateways: [{ gateway: 'gw-main' }],
  });
  t.match(revocations(), [{ kind: 'grant', id, reason: 'facts-changed' }]);
});

t.test('P14 publishing and changing an app take back what got worse', async (t) => {
  const { admin, gateway, grant, revocations } = await begin(t);
  const { id } = await grant();
  const worse = [
    {
      id: 'staff',
      text: `${policies[0]!.text}\nforbid (principal, action, resource) unless { context.device.firewallOn };`,
    },
  ];
  const answer = await admin.apply({ body: { bundle: { policies: worse }, dryRun: false } });
  t.match(answer, { epoch: 2, cut: { grants: 1, complete: true, gateways: [{ state: 'applied', streamsCut: 2 }] } });
  t.match(revocations().at(-1), { kind: 'grant', id, reason: 'policy-changed' });

  await admin.apply({ body: { bundle: { policies }, dryRun: false } });
  const again = await grant();
  await admin.putApp({ params: { id: 'wiki' }, body: { ...wiki, name: 'The wiki' } });
  t.match((await admin.grants()).items, [{ id: again.id }], 'a new name takes nothing back');
  t.match(
    gateway.changes.findLast(({ kind }) => kind === 'app'),
    { app: { name: 'The wiki' } },
  );
  const report = await admin.revoke({ body: { kind: 'app', id: 'wiki' } });
  t.match(report, { grants: 1, sessions: 0, complete: true, gateways: [{ gateway: 'gw-main', state: 'applied' }] });
  const renamed = await admin.rollbackPolicy({ body: { epoch: 3 } });
  t.match(
    renamed.cut,
    { complete: true, gateways: [{ appliedAfterMs: Number, streamsCut: 0 }] },
    'also with nothing to cut',
  );
});

t.test('P16 a gateway that has not confirmed is named, with the end of its last grant', async (t) => {
  const { admin, gateway, grant, controller, revocations } = await begin(t);
  const { expiresInMs } = await grant();
  const ends = controller.clock.now() + expiresInMs;
  gateway.confirms = false;
  const waiting = admin.revoke({ body: { kind: 'person', id: 'emma' } });
  while (revocations().length === 0) await nextTurn();
  // The clock of the test stands still: patience ends when it is moved.
  controller.clock.advance(3001);
  const report = await waiting;
  t.match(report, { complete: false, sessions: 1, grants: 1, gateways: [{ gateway: 'gw-main', state: 'waiting' }] });
  const told = report.gateways[0]!.lastGrantEndsAt!;
  t.ok(Math.abs(told - ends) <= 1000, 'the end of the grant that was alive');
  await t.rejects(grant(), { code: 'session-required' });
});

t.test(
  'P17 a contained person is refused everything until lifted, and then gets back only the right to sign in',
  async (t) => {
    const { admin, call, device, grant, gateway } = await begin(t);
    await grant();
    const { id: open } = await admin.invite({ body: { person: 'emma' } });
    const report = await admin.contain({ body: { kind: 'person', id: 'emma', because: 'stolen' } });
    t.match(report, { grants: 1, sessions: 1, complete: true });
    await t.rejects(grant(), { code: 'device-suspended' });
    await t.rejects(call.signIn({ body: { purpose: 'sign-in' } }), { code: 'device-suspended' });
    await t.rejects(call.renew({ body: { csr: 'x' } }), { code: 'device-suspended' });
    t.match(
      (await admin.invitations()).items.find(({ id }) => id === open),
      { state: 'voided' },
    );
    t.ok(gateway.changes.some((change) => change.kind === 'deny' && change.id === `device/${device}`));
    await t.rejects(admin.invite({ body: { person: 'emma' } }), { code: 'conflict' });

    await admin.lift({ body: { kind: 'person', id: 'emma' } });
    await t.rejects(grant(), { code: 'session-required' }, 'lifting gives nothing back but the right to sign in');
    t.match(await call.signIn({ body: { purpose: 'sign-in' } }), { step: 'password' });
    const { records } = await admin.records({ query: { kind: 'revocation' } });
    t.match(records[0], { actor: 'shell', because: 'stolen', event: 'contained', details: { what: 'person' } });
  },
);

t.test('P23 revoking a gateway cuts its stream and takes its keys out of the sets', async (t) => {
  const { admin, gateway, controller, grant } = await begin(t);
  const other = await joinGateway(t, controller, 'gw-b');
  // It asks for nothing more that could be refused: only a cut ends its stream.
  gateway.confirms = false;
  await admin.removeGateway({ params: { id: 'gw-main' }, query: { because: 'sold' } });
  await gateway.ended;
  t.match(await admin.revoke({ body: { kind: 'person', id: 'emma' } }), {
    complete: true,
    gateways: [{ gateway: 'gw-b' }],
  });
  t.ok(other.changes.some((change) => change.kind === 'deny' && change.id === 'gateway/gw-main'));
  t.ok(other.changes.some(({ kind }) => kind === 'key-sets'));
  const invite = { id: 'gw-main', site: 'main', address: '127.0.0.1:1' };
  await t.rejects(admin.inviteGateway({ body: invite }), { code: 'conflict' }, 'the id is not used again');
  await t.rejects(grant(), { code: 'session-required' });
});

t.test('P20 a new signing key is used once the gateway has confirmed it', async (t) => {
  const { admin, gateway, controller } = await begin(t);
  const away = await joinGateway(t, controller, 'gw-away');
  await away.calls.stream({ query: {} }).then((bytes) => (bytes as unknown as { destroy(): void }).destroy());
  await away.ended;
  gateway.confirms = false;
  const rotation = await admin.rotateKeys({ body: { what: 'signing', waitMs: 0 } });
  const { kid } = rotation;
  t.match(rotation, {
    inUse: false,
    gateways: [
      { gateway: 'gw-away', state: 'away' },
      { gateway: 'gw-main', state: 'waiting' },
    ],
  });
  await t.rejects(admin.rotateKeys({ body: { what: 'signing' } }), { code: 'conflict' });
  t.match((await admin.trust()).signing, [{ state: 'current' }, { kid, state: 'announced' }]);
  const generation = gateway.generation();
  await gateway.calls.applied({ body: { generation, through: rotation.change, closed: [] } });
  gateway.confirms = true;
  const issuing = await admin.rotateKeys({ body: { what: 'issuing' } });
  t.match(issuing, {
    inUse: true,
    gateways: [
      { gateway: 'gw-away', state: 'away' },
      { gateway: 'gw-main', state: 'confirmed' },
    ],
  });
  t.match((await admin.trust()).signing, [{ state: 'retired' }, { kid, state: 'current' }], 'it was taken along');
});

t.test('P20 withdrawing a key says which gateway has dropped it, and another key signs', async (t) => {
  const { admin, gateway, grant } = await begin(t);
  await grant();
  const [before] = (await admin.trust()).signing;
  const { signer, cut } = await admin.withdrawKey({ body: { kid: before!.kid } });
  t.match(cut, { complete: true, grants: 1, gateways: [{ gateway: 'gw-main', state: 'applied' }] });
  t.not(signer, before!.kid);
  t.match(gateway.changes.at(-1), { kind: 'keys', keys: [{ kid: signer }] });
  const given = await grant();
  t.match(JSON.parse(Buffer.from(given.grant.split('.')[0]!, 'base64url').toString()), { kid: signer });
  await t.rejects(admin.withdrawKey({ body: { kid: before!.kid } }), { code: 'not-found' });
  const { records } = await admin.records({ query: { kind: 'revocation' } });
  t.match(records[0], { actor: 'shell', because: 'test', event: 'key-withdrawn', details: { kid: before!.kid } });
});

t.test("P33 the root's key leaves the machine in a file, and comes back from it alone", async (t) => {
  const { admin, controller } = await begin(t);
  const order = { file: join(controller.dir, 'root-key.pem'), passphrase: 'four plain words here' };
  await t.rejects(admin.bringRootKey({ body: order }), { code: 'conflict' });
  const { fingerprint } = await admin.takeRootKey({ body: order });
  t.equal(statSync(order.file).mode & 0o777, 0o600);
  t.match((await admin.trust()).authorities[0], { kind: 'root', fingerprint, keyHere: false });
  await t.rejects(admin.takeRootKey({ body: order }), { code: 'conflict' });
  await t.rejects(
    admin.rotateKeys({ body: { what: 'issuing' } }),
    { code: 'conflict' },
    'no new issuing CA without it',
  );
  const stolen = await controller.store.db
    .selectFrom('authorities')
    .select('sealed')
    .where('kind', '=', 'root')
    .execute();
  t.same(stolen, [{ sealed: null }]);
  await t.rejects(admin.bringRootKey({ body: { ...order, passphrase: 'another passphrase' } }), {
    code: 'bad-request',
  });
  const other = join(controller.dir, 'other.pem');
  writeFileSync(other, privateKeyToPem(generateKeyPair().privateKey));
  await t.rejects(admin.bringRootKey({ body: { ...order, file: other } }), { code: 'bad-request' });
  await admin.bringRootKey({ body: order });
  t.match(await admin.rotateKeys({ body: { what: 'issuing' } }), { inUse: true });
});
