/** Enrolment against real TLS: pin, verified bootstrap, key, certificate. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import { Keystore } from '../../../client-agent/keystore/keystore.ts';
import { enrol } from '../../../client-agent/to-controller/enrol.ts';
import { code, deviceId, startFakeEdge } from '../../support/fake-edge-controller.ts';
import { makeTestCa } from '../../support/test-ca.ts';

const facts = { os: 'linux', hostName: 'laptop' } as const;

function open(t: Test): Keystore {
  const keystore = new Keystore(join(t.testdir(), 'profile'));
  t.teardown(() => keystore.close());
  return keystore;
}

const order = (keystore: Keystore, invitation: string) => ({
  keystore,
  invitation,
  facts,
  clock: systemClock,
  log: silentLog,
});

t.test('an invitation makes this device a device of its person', async (t) => {
  const edge = await startFakeEdge(t, { ca: await makeTestCa() });
  const keystore = open(t);
  // As mail programs wrap it.
  const invitation = edge.invitation().replaceAll(/(.{40})/g, '$1\n ');
  const enrolment = await enrol(order(keystore, invitation));
  t.match(enrolment, { device: deviceId, person: { name: 'Alice' }, controllers: [edge.mutual] });
  t.equal(keystore.isEnrolled(), true);
  t.same(edge.called, ['meta', 'enrol']);
  await t.rejects(enrol(order(keystore, invitation)), { code: 'conflict' }, 'not twice by accident');
  await enrol({ ...order(keystore, invitation), again: true });
  t.equal(keystore.enrolment.key, 'device-2.key');
});

t.test(
  'nothing is sent to a server without the pinned root, and no code to one that is not a controller',
  async (t) => {
    const ca = await makeTestCa();
    const edge = await startFakeEdge(t, { ca });
    const keystore = open(t);
    await t.rejects(enrol(order(keystore, edge.invitation({ pin: 'ab'.repeat(32) }))), { code: 'peer-refused' });
    t.same(edge.called, []);
    for (const role of ['gateway', 'device'] as const) {
      const impostor = await startFakeEdge(t, { ca, role });
      await t.rejects(enrol(order(keystore, impostor.invitation())), { code: 'peer-refused' }, role);
      t.same(impostor.called, [], `a ${role} hears nothing`);
    }
    t.equal(keystore.isEnrolled(), false);
  },
);

t.test('what is no invitation for a device is refused before any connection', async (t) => {
  const edge = await startFakeEdge(t, { ca: await makeTestCa() });
  const keystore = open(t);
  await t.rejects(enrol(order(keystore, edge.invitation({ role: 'gateway' }))), { code: 'code-refused' });
  await t.rejects(enrol(order(keystore, 'postern-invite:xx')), { code: 'code-refused' });
  t.same(edge.called, []);
  await t.rejects(enrol(order(keystore, edge.invitation({ code: 'b'.repeat(22) }))), { code: 'code-refused' });
  t.notMatch(JSON.stringify(edge.called), code);
});

t.test('a certificate that is not the one asked for is not kept', async (t) => {
  const ca = await makeTestCa();
  const foreign = await makeTestCa();
  const edge = await startFakeEdge(t, { ca });
  const keystore = open(t);
  const real = edge.boot.enrol;
  const answers: [string, (good: Record<string, unknown>) => Promise<Record<string, unknown>>][] = [
    ['another key', async (good) => ({ ...good, certificate: (await ca.leaf('device', deviceId)).certificate })],
    ['another name', async (good) => ({ ...good, device: 'dev_0000000000000002' })],
    ['another root', async (good) => ({ ...good, bundle: foreign.bundle })],
    ['another chain', async (good) => ({ ...good, chain: (await foreign.leaf('device', 'x')).chain })],
    ['another domain', async (good) => ({ ...good, trustDomain: 'other.example' })],
  ];
  for (const [name, change] of answers) {
    edge.boot.enrol = async (call) => (await change((await real(call)) as never)) as never;
    await t.rejects(enrol(order(keystore, edge.invitation())), { code: 'bad-answer' }, name);
    t.equal(keystore.isEnrolled(), false, name);
  }
});
