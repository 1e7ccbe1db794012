/** P13, P14: whatever changes something that a grant rests on takes a number with it, and takes back the grants it makes wrong. */
import t from 'tap';
import type { App } from '#shared/contracts/app.ts';
import { makeCsr } from '#shared/crypto/csr.ts';
import { generateKeyPair } from '#shared/crypto/keys.ts';
import { rekeyText, signText } from '#shared/crypto/signed-text.ts';
import { currentTotp } from '#shared/crypto/totp.ts';
import { applyBundle } from '../../controller/admin/apply-bundle.ts';
import { type AppParts, putApp, removeApp } from '../../controller/admin/put-app.ts';
import { putGroup, removeGroup } from '../../controller/admin/put-group.ts';
import { putPerson } from '../../controller/admin/put-person.ts';
import { putAppGroup } from '../../controller/admin/put-site.ts';
import type { AdminParts } from '../../controller/from-admins/admin-parts.ts';
import { deviceHandlers } from '../../controller/from-admins/device-handlers.ts';
import { setDeviceState } from '../../controller/identity/device-state.ts';
import { finishFlow } from '../../controller/identity/finish-sign-in.ts';
import { setPersonState } from '../../controller/identity/person-state.ts';
import { endSessions } from '../../controller/identity/sessions.ts';
import { takeReport } from '../../controller/posture/take-report.ts';
import { readChange } from '../../controller/store/changes.ts';
import type { Trx } from '../../controller/store/open-store.ts';
import { goodPassword, startEdge } from '../controller/support/edge-one.ts';
import { deviceId, PolicyDesk, sessionId, sshApp } from '../support/policy-desk.ts';

const actor = 'owner';
const app: App = { ...sshApp, groups: ['internal'] };
const policy = `permit(principal in Group::"all", action, resource in AppGroup::"internal") when {
  context.risk.level < 50 && context.device.ownership == "company" && context.device.firewallOn &&
  context.session.secondFactorAge > 60 };`;

const person = (desk: PolicyDesk, trx: Trx, fields: Parameters<typeof putPerson>[3]['fields']) =>
  putPerson(trx, desk.now, desk.decider, { id: 'alice', standing: 'shell', self: undefined, fields });
const group = (desk: PolicyDesk, trx: Trx, fields: Parameters<typeof putGroup>[3]) =>
  putGroup(trx, desk.now, desk.decider, fields);
const partsOf = ({ decider }: PolicyDesk) => ({ decider }) as AppParts;
const firewall = (desk: PolicyDesk, ageMs: number) =>
  desk.report({}, { facts: [{ fact: 'firewallOn', value: true, status: 'pass', ageMs, source: 'self' }] });
const report = (desk: PolicyDesk, text: string) =>
  takeReport(desk.postureParts, { text, peer: desk.peer, trace: 'a'.repeat(32) });

async function stepUp(desk: PolicyDesk, trx: Trx, method: 'totp' | 'password') {
  const own = { id: 'flow_1', person_id: 'alice', device_id: deviceId, session_id: sessionId, step: 'second-factor' };
  const times = { methods: '[]', failures: 0, created_at: desk.now, ends_at: desk.now + 60_000 };
  const flow = { ...own, ...times, purpose: 'step-up', sets: null, sealed_password: null, sealed_totp: null };
  await trx.insertInto('sign_in_flows').values(flow).execute();
  const [device] = await trx.selectFrom('devices').selectAll().execute();
  const [alice] = await trx.selectFrom('people').selectAll().execute();
  const origin = { from: '192.0.2.1', trace: 'a'.repeat(32) };
  const ending = { device: device!, person: alice!, flow, method, origin, decider: desk.decider };
  await finishFlow(trx, desk.now, ending);
}

/** Each in the one transaction it is given, or in one of its own. */
const worsening: Record<string, (desk: PolicyDesk, trx: Trx) => Promise<unknown>> = {
  'the risk of a person': (desk, trx) => person(desk, trx, { risk: 90 }),
  'the groups of a person': (desk, trx) => person(desk, trx, { groups: [] }),
  'the members of a group': (desk, trx) => group(desk, trx, { id: 'staff', members: [] }),
  'the parents of a group': (desk, trx) => group(desk, trx, { id: 'staff', parents: [] }),
  'a group that is removed': (desk, trx) => removeGroup(trx, desk.now, desk.decider, 'staff'),
  'a person suspended': (desk, trx) => setPersonState(trx, desk.now, { id: 'alice', actor, state: 'suspended' }),
  'a person gone': (desk, trx) => setPersonState(trx, desk.now, { id: 'alice', actor, state: 'gone' }),
  'a device suspended': (desk, trx) => setDeviceState(trx, desk.now, { id: deviceId, actor, state: 'suspended' }),
  'a session ended': (desk, trx) =>
    endSessions(trx, desk.now, { which: { session: sessionId }, because: 'signed-out', reason: 'signed-out' }),
  'a fresh factor, where a policy forbids what is too fresh': (desk, trx) => stepUp(desk, trx, 'totp'),
  'the groups of an app': (desk, trx) => putApp(trx, desk.now, partsOf(desk), sshApp),
  'an app that is removed': (desk, trx) => removeApp(trx, desk.now, partsOf(desk), 'ssh'),
  'the settings of posture': (desk, trx) =>
    applyBundle(trx, desk.now, partsOf(desk), { bundle: { posture: { ttl: { firewallOn: 60 } } }, actor, message: '' }),
};
const alone: Record<string, (desk: PolicyDesk) => Promise<unknown>> = {
  'the ownership of a device'({ db, clock, decider }) {
    const { setDevice } = deviceHandlers({ db, clock, decider } as AdminParts);
    const caller = { actor: 'shell', role: 'owner', standing: 'shell', trace: 'a'.repeat(32) };
    return (setDevice as (call: object) => Promise<unknown>)({
      params: { id: deviceId },
      body: { ownership: 'personal' },
      caller,
    });
  },
  'a fact that fails': (desk) => report(desk, desk.report({ firewallOn: false })),
  'a fact that was measured earlier than the one before it': (desk) => report(desk, firewall(desk, 3_590_000)),
  'a policy': (desk) => desk.publish('permit(principal, action, resource == App::"wiki");'),
};

async function openWithGrant() {
  const desk = await PolicyDesk.open();
  await desk.db.transaction().execute(async (trx) => {
    await group(desk, trx, { id: 'all' });
    await group(desk, trx, { id: 'staff', parents: ['all'] });
    await putApp(trx, desk.now, partsOf(desk), app);
  });
  await desk.publish(policy);
  await report(desk, firewall(desk, 0));
  desk.now += 30_000;
  return { desk, grant: await desk.grant({ app: 'ssh', act: 'connect' }) };
}

const rows = [
  ...Object.entries(worsening).map(([name, write]) => [name, write] as const),
  ...Object.entries(alone).map(([name, write]) => [name, write] as const),
];
for (const [name, write] of rows) {
  t.test(`P13 P14 ${name}: a number, and what rested on it is taken back`, async (t) => {
    const { desk, grant } = await openWithGrant();
    const { seen } = grant.claims;
    t.equal(seen, await readChange(desk.db), 'the number of its facts');
    if (name in alone) await alone[name]!(desk);
    else await desk.db.transaction().execute((trx) => write(desk, trx));
    t.ok((await readChange(desk.db)) > seen);
    const alive = await desk.db.selectFrom('grants').select('jti').execute();
    t.same(alive, []);
    const numbers = await desk.db.selectFrom('revocations').select('seen').execute();
    t.ok(numbers.length > 0 && numbers.every((row) => row.seen > seen), 'a revocation that its number does not escape');
    await desk.store.stop();
  });
}

t.test('P13 nothing of it without its transaction: what fails takes its number back', async (t) => {
  const { desk, grant } = await openWithGrant();
  const broken = new Error('broken');
  for (const write of Object.values(worsening)) {
    const failing = desk.db.transaction().execute(async (trx) => {
      await write(desk, trx);
      throw broken;
    });
    await t.rejects(failing, broken);
  }
  t.equal(await readChange(desk.db), grant.claims.seen);
  t.equal((await desk.db.selectFrom('grants').selectAll().execute()).length, 1);
  await desk.store.stop();
});

t.test('P13 what later grants rest on takes a number too', async (t) => {
  const edge = await startEdge(t);
  const { store, clock } = edge;
  let before = await readChange(store.db);
  const rises = async (name: string) => {
    const now = await readChange(store.db);
    t.ok(now > before, name);
    before = now;
  };
  const agent = await edge.enrol(edge.ownerCode);
  await rises('a device enrolled');
  const { secret } = await agent.signInFirst();
  await rises('a first sign-in');
  await agent.call.signOut();
  await rises('a session ended');
  await agent.signIn(secret);
  await rises('a session begun');
  const { flow } = await agent.call.signIn({ body: { purpose: 'step-up' } });
  clock.advance(30_000);
  await agent.call.totp({ params: { flow }, body: { code: currentTotp(secret, clock.now()) } });
  await rises('a factor confirmed again');
  clock.advance(3_601_000);
  const idle = await agent.call.signIn({ body: { purpose: 'resume' } });
  await agent.call.password({ params: { flow: idle.flow }, body: { password: goodPassword } });
  await rises('an idle session resumed');
  await agent.call.renew({ body: { csr: makeCsr(agent.keys) } });
  await rises('a certificate renewed');
  const csr = makeCsr(generateKeyPair());
  await agent.call.rekey({ body: { csr, oldSignature: signText(agent.keys.privateKey, rekeyText(csr)) } });
  await rises('a key changed');
  const state = (to: 'suspended' | 'active') =>
    store.db.transaction().execute((trx) => setDeviceState(trx, clock.now(), { id: agent.id, actor, state: to }));
  await state('suspended');
  await rises('a device suspended');
  await state('active');
  await rises('a suspension lifted');
  await store.db.transaction().execute((trx) => putAppGroup(trx, clock.now(), { id: 'tools', name: 'Tools' }));
  await rises('a group of apps');
});
