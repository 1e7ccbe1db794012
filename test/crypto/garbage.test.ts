/** No text that a stranger sends makes a reader throw anything but our own error, and a change of any character is seen. */
import fc from 'fast-check';
import t from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import type { GrantClaims } from '#shared/contracts/grant.ts';
import { mintGrant, openGrant, verifyGrantSignature } from '#shared/crypto/grant-token.ts';
import { generateKeyPair } from '#shared/crypto/keys.ts';
import { needsRehash, verifyPassword } from '#shared/crypto/password-hash.ts';

const { privateKey, publicKey } = generateKeyPair();
const id = fc.stringMatching(/^[a-z0-9]{8,40}$/);
const slug = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
const seconds = fc.integer({ min: 0, max: 4_294_967_295 });

const claims: fc.Arbitrary<GrantClaims> = fc.record({
  iss: fc.constant('spiffe://corp.example'),
  aud: slug,
  sub: slug,
  did: id,
  sid: id,
  app: slug,
  act: fc.constantFrom('request' as const, 'connect' as const),
  jti: id,
  iat: seconds,
  exp: seconds,
  cnf: fc.record({ jkt: fc.stringMatching(/^[A-Za-z0-9_-]{43}$/) }),
  auth_time: seconds,
  amr: fc.array(fc.constantFrom('pwd', 'otp', 'mfa'), { maxLength: 3 }),
  seen: fc.nat(),
  epoch: fc.nat(),
  use: fc.constant('many' as const),
  rules: fc.constant({ v: 2 as const, permits: [{ p: 0, if: ['==', ['c', 'request', 'path'], '/a'] }], forbids: [] }),
});

const isOurs = (work: () => unknown): boolean => {
  try {
    work();
    return true;
  } catch (error) {
    return error instanceof PosternError;
  }
};

t.test('a grant says after its journey what it said before', async (t) => {
  fc.assert(
    fc.property(claims, (made) => {
      const opened = openGrant(mintGrant(made, { kid: 'key-1', privateKey }));
      verifyGrantSignature(opened, publicKey);
      return JSON.stringify(opened.claims) === JSON.stringify(made);
    }),
    { numRuns: 50 },
  );
  t.pass('the property held');
});

t.test('a grant with one character changed opens no door', async (t) => {
  const other = fc.constantFrom(...'ABCXYZabcxyz0189-_.=~ ');
  fc.assert(
    fc.property(claims, fc.nat(), other, (made, at, mark) => {
      const text = mintGrant(made, { kid: 'key-1', privateKey });
      const place = at % text.length;
      if (text[place] === mark) return true;
      const changed = text.slice(0, place) + mark + text.slice(place + 1);
      try {
        verifyGrantSignature(openGrant(changed), publicKey);
        return false;
      } catch (error) {
        return error instanceof PosternError && error.code.startsWith('grant-');
      }
    }),
    { numRuns: 200 },
  );
  t.pass('the property held');
});

t.test('no text is more than a refused grant', async (t) => {
  fc.assert(fc.property(fc.string(), (text) => isOurs(() => openGrant(text))));
  const parts = fc.tuple(fc.base64String(), fc.jsonValue(), fc.base64String());
  fc.assert(
    fc.property(parts, ([head, body, tail]) => {
      const middle = Buffer.from(JSON.stringify(body)).toString('base64url');
      return isOurs(() => openGrant(`${head}.${middle}.${tail}`));
    }),
  );
  t.pass('the property held');
});

t.test('a stored password hash that was damaged lets nobody in', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.string(), async (phc) => {
      isOurs(() => needsRehash(phc));
      return !(await verifyPassword('a password', phc).catch((error: unknown) => !(error instanceof PosternError)));
    }),
  );
  t.pass('the property held');
});
