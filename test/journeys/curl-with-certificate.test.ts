/** Edge 3 is plain HTTP over mutual TLS: curl with a device certificate and a grant is a client like any other. */
import { createRemoteJWKSet, jwtVerify } from 'jose';
import t from 'tap';
import { randomSecret } from '#shared/base/bytes.ts';
import { currentTotp } from '#shared/crypto/totp.ts';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { curl, type DeviceFiles, enrolByHand, filesOfProfile, postJson, withDevice } from '../support/journey-curl.ts';
import { startHeaderApp } from '../support/journey-echo-app.ts';
import { privateDir } from '../support/journey-tools.ts';
import { needs } from '../support/programs.ts';
import { startTriangle } from '../support/triangle.ts';

interface Step {
  readonly flow: string;
  readonly totp?: { readonly secret: string };
  readonly session?: { readonly secret: string };
}

/** First factors and all, over edge 1 with curl; returns the session's secret. */
async function signInByHand(controller: string, device: DeviceFiles): Promise<string> {
  const post = (path: string, body: object) =>
    postJson<Step>(`https://${controller}/v1/sign-in${path}`, body, ...withDevice(device));
  const { flow } = await post('', { purpose: 'sign-in' });
  await post(`/${flow}/set-password`, { password: randomSecret(12) });
  const { totp } = await post(`/${flow}/set-totp`, {});
  const { session } = await post(`/${flow}/confirm-totp`, { code: currentTotp(totp!.secret, Date.now()) });
  return session!.secret;
}

t.test('curl with a device certificate', needs('curl', 'openssl'), async (t) => {
  // curl cannot knock: a door would answer it with silence.
  const { admin, ports, ready } = await startTriangle(t, { door: 'none' });
  const dir = privateDir(t, 'curl');
  const app = await startHeaderApp(t);
  await admin.putApp({
    params: { id: 'headers' },
    body: {
      id: 'headers',
      name: 'Headers',
      kind: 'http',
      site: 'main',
      hosts: ['headers.corp.internal'],
      upstream: `http://127.0.0.1:${app.port}`,
      groups: ['everyday'],
    },
  });
  await admin.putPerson({ params: { id: 'carla' }, body: { name: 'Carla Curl', role: 'employee', groups: ['staff'] } });
  const { invitation } = await admin.invite({ body: { person: 'carla', ownership: 'company' } });
  const device = await enrolByHand(dir, invitation);
  const [controller] = device.controllers;
  const secret = await signInByHand(controller!, device);
  const asSession = ['--header', `Authorization: Postern-Session ${secret}`];
  const { grant } = await postJson<{ grant: string }>(
    `https://${controller}/v1/grants`,
    { app: 'headers', act: 'request', idleMs: 0 },
    ...withDevice(device),
    ...asSession,
  );
  const target = 'https://headers.corp.internal/pages?q=1';
  const toGateway = ['--connect-to', `headers.corp.internal:443:127.0.0.1:${ports.gateway}`];
  const gateway = `https://127.0.0.1:${ports.gateway}`;
  const asHost = ['--header', 'Host: headers.corp.internal'];
  const withGrant = ['--header', `Postern-Grant: ${grant}`];

  t.test('a grant and its own certificate: the app answers, and knows who it is', async (t) => {
    const answer = await untilItWorks(async () => {
      const asked = await curl(...withDevice(device), ...asHost, ...withGrant, `${gateway}/pages?q=1`);
      if (asked.status !== 200) throw new Error(`${asked.status} ${asked.body} ${asked.stderr}`);
      return asked;
    }, 5000);
    const seen = JSON.parse(answer.body) as { method: string; url: string; headers: Record<string, string> };
    t.match(seen, { method: 'GET', url: '/pages?q=1', headers: { host: 'headers.corp.internal' } });
    t.notOk('postern-grant' in seen.headers, 'the grant is gone');
    t.notOk(answer.body.includes(grant), 'under any name');
    const keySet = createRemoteJWKSet(new URL(`http://127.0.0.1:${ports.keySets}/apps/headers/keys`));
    const { payload } = await jwtVerify(seen.headers['postern-identity']!, keySet, {
      typ: 'postern-identity+jwt',
      algorithms: ['ES256'],
      audience: 'headers',
      issuer: 'spiffe://sample.internal/gateway/gw-main',
    });
    t.match(payload, { sub: 'carla', name: 'Carla Curl', groups: ['staff'], device: /^dev_/ });
    t.same(payload['amr'], ['pwd', 'otp', 'mfa']);
  });

  t.test('an identity that the client made up does not reach the app', async (t) => {
    const forged = ['--header', 'Postern-Identity: e30.e30.e30', '--header', 'Postern_Identity: olivia'];
    const answer = await curl(...withDevice(device), ...asHost, ...withGrant, ...forged, `${gateway}/`);
    t.notMatch(answer.body, /e30\.e30|olivia/);
  });

  t.test('without a grant', async (t) => {
    const answer = await curl(...withDevice(device), ...asHost, `${gateway}/pages`);
    t.equal(answer.status, 401);
    t.match(JSON.parse(answer.body), { code: 'grant-missing', next: 'renew' });
  });

  t.test("with another device's certificate", async (t) => {
    const other = filesOfProfile(ready.people.emil.profile, dir);
    const answer = await curl(...withDevice(other), ...asHost, ...withGrant, `${gateway}/pages`);
    t.equal(JSON.parse(answer.body).code, 'grant-binding');
    t.ok(answer.status === 401 || answer.status === 403, `status ${answer.status}`);
  });

  t.test('without a certificate there is no HTTP at all', async (t) => {
    const answer = await curl('--cacert', device.bundle, ...asHost, ...withGrant, `${gateway}/pages`);
    t.not(answer.exit, 0);
    t.equal(answer.status, 0);
    t.equal(answer.body, '');
    // Ended after the handshake, so that the record of it can say what was missing: curl saw a connection and no answer.
    t.match(answer.stderr, /empty reply|alert|reset|handshake/i);
  });

  t.test('curl compares the address in the certificate of the gateway: another name is another server', async (t) => {
    const answer = await curl(...withDevice(device), ...toGateway, ...withGrant, target);
    t.equal(answer.exit, 60, 'it names the address of the gateway, not the app');
  });

  t.test('each verdict left a record', async (t) => {
    const found = await untilItWorks(async () => {
      const { records } = await admin.records({ query: { app: 'headers', kind: 'access', limit: 50 } });
      if (!records.some((record) => record.reasons.includes('grant-binding'))) throw new Error('not there yet');
      return records;
    }, 10_000);
    t.ok(found.some((record) => record.person === 'carla' && record.verdict === 'allow'));
  });
});
