/** P4: certificates renewed in time, after sleep, after their end, and with another key. */
import { createPublicKey, verify, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Clock, day, hour, minute, systemClock } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { silentLog } from '#shared/base/log.ts';
import { readCsr } from '#shared/crypto/csr.ts';
import { keyThumbprint } from '#shared/crypto/keys.ts';
import { Keystore } from '../../../client-agent/keystore/keystore.ts';
import { CertificateCare } from '../../../client-agent/to-controller/certificate-care.ts';
import { ControllerLink } from '../../../client-agent/to-controller/controller-link.ts';
import { ControllerTime } from '../../../client-agent/to-controller/controller-time.ts';
import { enrol } from '../../../client-agent/to-controller/enrol.ts';
import { watchWake } from '../../../client-agent/to-controller/wake-watch.ts';
import { deviceId, startFakeEdge } from '../../support/fake-edge-controller.ts';
import { makeTestCa } from '../../support/test-ca.ts';

const ca = await makeTestCa();

/** A device whose certificate was issued `ago` milliseconds before now, for 24 h. */
async function world(t: Test, ago: number, random = 0.5) {
  let back = ago;
  const edge = await startFakeEdge(t, { ca, clock: { now: () => Date.now() - back } });
  const dir = mkdtempSync(join(tmpdir(), 'postern-care-'));
  const keystore = new Keystore(dir);
  const facts = { os: 'linux', hostName: 'laptop' } as const;
  const clock = { ahead: 0, now: () => Date.now() + clock.ahead };
  await enrol({ keystore, invitation: edge.invitation(), facts, clock, log: silentLog });
  back = 0;
  const time = new ControllerTime(clock);
  const link = new ControllerLink({ keystore, time, log: silentLog, session: () => undefined, onChange: () => {} });
  let renewals = 0;
  const onRenewed = () => {
    renewals += 1;
  };
  const care = new CertificateCare({ keystore, link, clock, log: silentLog, onRenewed, random: () => random });
  t.teardown(async () => {
    await link.stop();
    keystore.close();
    rmSync(dir, { recursive: true });
  });
  return { edge, keystore, care, link, clock, renewals: () => renewals };
}

const publicKey = (keystore: Keystore) => new X509Certificate(keystore.enrolment.certificate).publicKey;

t.test('P4 renewed at 2/3 of its life with the same key, not before', async (t) => {
  const young = await world(t, 15 * hour);
  await young.care.tick();
  t.equal(young.edge.count('renew'), 0);

  const old = await world(t, 17 * hour);
  const { jkt } = old.keystore;
  await old.care.tick();
  t.equal(old.edge.count('renew'), 1);
  t.equal(old.keystore.jkt, jkt);
  t.ok(old.care.endsAt > Date.now() + 23 * hour);
  t.equal(old.renewals(), 1);
  await old.care.tick();
  t.equal(old.edge.count('renew'), 1, 'once');
  await old.link.calls.device();
  t.pass('the new certificate is good');
});

t.test('P4 the fleet does not renew in one moment', async (t) => {
  const early = await world(t, 15.5 * hour, 0);
  await early.care.tick();
  t.equal(early.edge.count('renew'), 1);
  const late = await world(t, 16.5 * hour, 1);
  await late.care.tick();
  t.equal(late.edge.count('renew'), 0);
});

t.test('P4 a laptop that slept comes back by a nonce, with its last key', async (t) => {
  const { edge, keystore, care, link } = await world(t, 8 * day);
  t.equal(care.isExpired(), true);
  const before = publicKey(keystore);
  const real = edge.boot.renewExpired;
  edge.boot.renewExpired = (call) => {
    const { role, id, nonce, csr, signature } = call.body;
    const input = Buffer.from(`postern-renew-expired\n${nonce}\n${csr}`);
    const key = { key: before, dsaEncoding: 'ieee-p1363' } as const;
    t.same([role, id, nonce], ['device', deviceId, 'nonce-1']);
    t.ok(verify('sha256', input, key, Buffer.from(signature, 'base64url')), 'signed by the last key');
    return real(call);
  };
  await care.tick();
  t.equal(care.isExpired(), false);
  t.ok(publicKey(keystore).equals(before));
  t.same(edge.called.slice(2), ['renewalNonce', 'renewExpired'], 'nothing else is asked without a certificate');
  await link.calls.device();
});

t.test('P4 after 30 days there is a clear end', async (t) => {
  const { edge, care } = await world(t, 32 * day);
  await t.rejects(care.renewNow(), { code: 'renewal-refused', tell: /ask your administrator for an invitation/ });
  t.match(care.lastError, { code: 'renewal-refused' });
  t.same(edge.called.slice(2), []);
  await care.tick();
  t.pass('a tick does not throw');
});

t.test('a failed renewal is tried again after a pause, and at once after sleep', async (t) => {
  const { edge, care, clock } = await world(t, 17 * hour);
  const real = edge.edge.renew;
  edge.edge.renew = () => {
    throw new PosternError('internal');
  };
  await care.tick();
  await care.tick();
  t.equal(edge.count('renew'), 1, 'not again and again');
  clock.ahead = minute;
  await care.tick();
  t.equal(edge.count('renew'), 2);
  await care.tick();
  edge.edge.renew = real;
  care.woke();
  await care.tick();
  t.equal(edge.count('renew'), 3);
  t.equal(care.lastError, undefined);
});

t.test('P4 another key: asked for by the new one, signed by the old one', async (t) => {
  const { edge, keystore, care, link } = await world(t, 0);
  const old = publicKey(keystore);
  const { jkt } = keystore;
  const real = edge.edge.rekey;
  edge.edge.rekey = (call) => {
    const { csr, oldSignature } = call.body;
    const key = {
      key: createPublicKey(old.export({ type: 'spki', format: 'pem' })),
      dsaEncoding: 'ieee-p1363',
    } as const;
    t.ok(verify('sha256', Buffer.from(`postern-rekey\n${csr}`), key, Buffer.from(oldSignature, 'base64url')));
    t.not(keyThumbprint(readCsr(csr)), jkt);
    return real(call);
  };
  await care.rekey();
  t.not(keystore.jkt, jkt);
  await link.calls.device();
  t.pass('the new key and its certificate fit');

  const { jkt: second } = keystore;
  edge.edge.rekey = () => {
    throw new PosternError('csr-refused');
  };
  await t.rejects(care.rekey(), { code: 'csr-refused' });
  t.equal(keystore.jkt, second, 'a refused change changes nothing');
  await link.calls.device();
});

t.test('a certificate for another key is not taken', async (t) => {
  const { edge, keystore, care } = await world(t, 17 * hour);
  const before = keystore.enrolment;
  edge.edge.renew = async () => {
    const { certificate, chain, bundle } = await ca.leaf('device', deviceId);
    return { certificate, chain: [...chain], bundle: [...bundle], trustDomain: ca.trustDomain };
  };
  await t.rejects(care.renewNow(), { code: 'bad-answer' });
  t.equal(keystore.enrolment, before);
});

t.test('sleep shows as a jump of the wall clock', async (t) => {
  let now = systemClock.now();
  const clock: Clock = { now: () => now };
  const wake = watchWake(clock);
  const after = (ms: number) => {
    now += ms;
    return wake.tick();
  };
  t.equal(after(5000), false);
  t.equal(after(8000), false, 'a busy machine is not asleep');
  t.equal(after(10 * minute), true);
  t.equal(after(5000), false, 'told once');
  t.equal(after(-hour), false);
  t.equal(after(5000), false);
});
