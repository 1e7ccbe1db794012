import { generateKeyPairSync } from 'node:crypto';
import t from 'tap';
import { createIdentityVerifier } from '../../../deploy/quickstart/apps/verify-identity.ts';
import { startFakeGateway } from './support.ts';

t.test('a good identity is read, and the key set is fetched once', async (t) => {
  const gateway = await startFakeGateway(t);
  const verify = createIdentityVerifier('wiki', gateway.keySetUrl);
  const identity = await verify(gateway.mint('wiki'));
  t.strictSame(identity, {
    id: 'p-ada',
    name: 'Ada <Lovelace>',
    groups: ['staff', 'finance'],
    device: 'd-1',
    amr: ['pwd', 'otp'],
  });
  await verify(gateway.mint('wiki'));
  t.equal(gateway.fetches(), 1);
});

t.test('everything else is refused', async (t) => {
  const gateway = await startFakeGateway(t);
  const verify = createIdentityVerifier('wiki', gateway.keySetUrl);
  const now = Math.floor(Date.now() / 1000);
  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const good = gateway.mint('wiki');
  const bad: Record<string, string | string[] | undefined> = {
    missing: undefined,
    empty: '',
    garbage: 'not.a.token',
    'two headers, joined': `${good}, ${good}`,
    'two headers, as a list': [good, good],
    'too long': good + 'A'.repeat(9000),
    'another app': gateway.mint('payroll'),
    'several apps': gateway.mint('wiki', { aud: ['wiki', 'payroll'] }),
    'another class of token': gateway.mint('wiki', {}, { typ: 'postern-grant+jwt' }),
    'no class of token': gateway.mint('wiki', {}, { typ: undefined }),
    'alg none': gateway.mint('wiki', {}, { alg: 'none' }),
    'alg HS256': gateway.mint('wiki', {}, { alg: 'HS256' }),
    'a key of a stranger': gateway.mint('wiki', {}, {}, stranger),
    'an unknown kid': gateway.mint('wiki', {}, { kid: 'unheard-of' }),
    'no kid': gateway.mint('wiki', {}, { kid: undefined }),
    expired: gateway.mint('wiki', { iat: now - 100, exp: now - 40 }),
    'without an end': gateway.mint('wiki', { exp: undefined }),
    'without a beginning': gateway.mint('wiki', { iat: undefined }),
    'too old': gateway.mint('wiki', { iat: now - 3600, exp: now + 60 }),
    'not a gateway': gateway.mint('wiki', { iss: 'spiffe://example.com/device/d-1' }),
    'no issuer': gateway.mint('wiki', { iss: undefined }),
    'no person': gateway.mint('wiki', { sub: '' }),
    'no name': gateway.mint('wiki', { name: 7 }),
    'no device': gateway.mint('wiki', { device: undefined }),
    'groups as text': gateway.mint('wiki', { groups: 'finance' }),
    'amr with a number': gateway.mint('wiki', { amr: ['pwd', 1] }),
  };
  for (const [why, header] of Object.entries(bad)) await t.rejects(verify(header), { name: 'IdentityRefused' }, why);
  t.ok(await verify(good), 'the good one still passes');
});

t.test('an unknown kid fetches again, but not for every request', async (t) => {
  const gateway = await startFakeGateway(t);
  const verify = createIdentityVerifier('wiki', gateway.keySetUrl);
  await verify(gateway.mint('wiki'));
  gateway.addKey();
  const rotated = gateway.mint('wiki');
  await t.rejects(verify(rotated), { name: 'IdentityRefused' }, 'the key set was read a moment ago');
  await t.rejects(verify(rotated), { name: 'IdentityRefused' });
  t.equal(gateway.fetches(), 1, 'no fetch within the pause');

  const realNow = Date.now;
  t.teardown(() => {
    Date.now = realNow;
  });
  Date.now = () => realNow() + 2_500;
  t.ok(await verify(rotated), 'after the pause the new key is found');
  t.equal(gateway.fetches(), 2);
});

t.test('a key set that cannot be read is not the fault of the person', async (t) => {
  const gateway = await startFakeGateway(t);
  gateway.breakKeySet();
  const verify = createIdentityVerifier('wiki', gateway.keySetUrl);
  await t.rejects(verify(gateway.mint('wiki')), { name: 'KeySetUnavailable' });
});
