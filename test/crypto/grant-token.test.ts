import t from 'tap';
import type { GrantClaims } from '#shared/contracts/grant.ts';
import { grantType, identityType, keySetType, maxGrantBytes } from '#shared/contracts/grant.ts';
import { postureReportType } from '#shared/contracts/posture.ts';
import { mintGrant, openGrant, verifyGrantSignature } from '#shared/crypto/grant-token.ts';
import { signJws } from '#shared/crypto/jws.ts';
import { generateKeyPair, keyThumbprint } from '#shared/crypto/keys.ts';

const { privateKey, publicKey } = generateKeyPair();
const key = { kid: 'g1', privateKey };
const claims: GrantClaims = {
  iss: 'spiffe://postern.test',
  aud: 'main',
  sub: 'ann',
  did: 'abcdefgh12345678',
  sid: 'hgfedcba12345678',
  app: 'wiki',
  act: 'request',
  jti: 'jtijtijti1234567',
  iat: 1_795_000_000,
  exp: 1_795_000_060,
  cnf: { jkt: keyThumbprint(publicKey) },
  auth_time: 1_794_999_000,
  amr: ['pwd', 'otp'],
  seen: 41,
  epoch: 7,
  use: 'many',
  rules: { v: 2, permits: [{ p: 0 }], forbids: [] },
};
const sealed = (payload: object, typ = grantType) => signJws({ typ, kid: 'g1', payload, privateKey });

t.test('a grant is minted, read and verified', async (t) => {
  const parsed = openGrant(mintGrant(claims, key));
  t.strictSame(parsed.claims, claims);
  t.equal(parsed.kid, 'g1');
  t.doesNotThrow(() => verifyGrantSignature(parsed, publicKey));
  t.throws(() => verifyGrantSignature(parsed, generateKeyPair().publicKey), { code: 'grant-signature' });
});

t.test('claims changed after signing do not verify', async (t) => {
  const [header, , signature] = mintGrant(claims, key).split('.');
  const swapped = Buffer.from(JSON.stringify({ ...claims, sub: 'eve' })).toString('base64url');
  const parsed = openGrant(`${header}.${swapped}.${signature}`);
  t.throws(() => verifyGrantSignature(parsed, publicKey), { code: 'grant-signature' });
});

t.test('every other class of token is refused by its type', async (t) => {
  for (const typ of [identityType, postureReportType, keySetType, 'JWT', 'at+jwt']) {
    t.throws(() => openGrant(sealed(claims, typ)), { code: 'grant-type' }, typ);
  }
});

t.test('claims of another shape are malformed, though signed', async (t) => {
  const malformed = { code: 'grant-malformed' };
  for (const name of Object.keys(claims)) {
    const { [name as keyof GrantClaims]: _, ...rest } = claims;
    t.throws(() => openGrant(sealed(rest)), malformed, `without ${name}`);
  }
  t.throws(() => openGrant(sealed({ ...claims, admin: true })), malformed, 'a member more');
  t.throws(() => openGrant(sealed({ ...claims, exp: '1795000060' })), malformed, 'a number as text');
  t.throws(() => openGrant(sealed({ ...claims, exp: 1_795_000_060.5 })), malformed, 'half a second');
  t.throws(() => openGrant(sealed({ ...claims, aud: ['main'] })), malformed, 'a list of audiences');
  t.throws(() => openGrant(sealed({ ...claims, rules: 'all' })), malformed, 'rules that are a text');
  const future = { ...claims, rules: { v: 9, anything: [{ any: 1 }] } };
  t.strictSame(openGrant(sealed(future)).claims, future, 'rules of the future are for the gate to refuse');
});

t.test('the cap of 1,536 bytes holds at both ends', async (t) => {
  const big = {
    ...claims,
    rules: { v: 2 as const, permits: Array(16).fill({ p: 1, if: 'x'.repeat(64) }), forbids: [] },
  };
  t.throws(() => mintGrant(big, key), { code: 'internal' });
  const text = sealed(big);
  t.ok(text.length > maxGrantBytes);
  t.throws(() => openGrant(text), { code: 'grant-malformed' });
});
