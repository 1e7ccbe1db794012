import { generateKeyPairSync, KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { calculateJwkThumbprint } from 'jose';
import t from 'tap';
import {
  formatFingerprint,
  generateKeyPair,
  jwkThumbprint,
  keyThumbprint,
  privateKeyFromPem,
  privateKeyToPem,
  publicKeyFromJwk,
  publicKeyFromSpki,
  publicKeyToJwk,
  spkiFingerprint,
} from '#shared/crypto/keys.ts';
import { makeCa } from './support/make-ca.ts';

interface Vector {
  source: string;
  jwk: Record<string, string>;
  thumbprint: string;
}
const vectors: Vector[] = JSON.parse(readFileSync(new URL('../vectors/jwk-thumbprint.json', import.meta.url), 'utf8'));

t.test('thumbprints of the RFCs', async (t) => {
  for (const { source, jwk, thumbprint } of vectors) t.equal(jwkThumbprint(jwk), thumbprint, source);
  t.throws(() => jwkThumbprint({ kty: 'EC', crv: 'P-256', x: 'a' }), { code: 'bad-request' }, 'member missing');
  t.throws(() => jwkThumbprint({ kty: 'constructor' }), { code: 'bad-request' }, 'unknown type');
});

t.test('a thumbprint is what a JOSE library makes of the key', async (t) => {
  const { publicKey, privateKey } = generateKeyPair();
  t.equal(keyThumbprint(publicKey), await calculateJwkThumbprint({ ...publicKeyToJwk(publicKey) }));
  t.equal(keyThumbprint(privateKey), keyThumbprint(publicKey), 'either half of the pair');
  t.strictSame(Object.keys(publicKeyToJwk(privateKey)), ['kty', 'crv', 'x', 'y'], 'never the private part');
});

t.test('keys come back from PEM and JWK', async (t) => {
  const { publicKey, privateKey } = generateKeyPair();
  t.ok(privateKeyFromPem(privateKeyToPem(privateKey)).equals(privateKey));
  t.ok(publicKeyFromJwk(publicKeyToJwk(publicKey)).equals(publicKey));
  t.ok(publicKeyFromSpki(publicKey.export({ type: 'spki', format: 'der' }))?.equals(publicKey));
  const other = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  t.throws(() => privateKeyFromPem(privateKeyToPem(other.privateKey)), { code: 'invalid-config' }, 'another curve');
  t.throws(() => privateKeyFromPem('nothing'), { code: 'invalid-config' });
  t.throws(() => publicKeyToJwk(other.publicKey), TypeError);
  t.equal(publicKeyFromSpki(other.publicKey.export({ type: 'spki', format: 'der' })), undefined);
});

t.test('one key has one accepted spelling as SPKI', async (t) => {
  const { publicKey } = generateKeyPair();
  const { x, y } = publicKeyToJwk(publicKey);
  const compressed = Buffer.concat([
    Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex'),
    Buffer.of((Buffer.from(y, 'base64url').at(-1)! & 1) + 2),
    Buffer.from(x, 'base64url'),
  ]);
  t.equal(publicKeyFromSpki(compressed), undefined, 'compressed point, which OpenSSL would read');
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  t.equal(publicKeyFromSpki(Buffer.concat([spki, Buffer.of(0)])), undefined, 'a byte more');
  const offCurve = Buffer.from(spki);
  offCurve[offCurve.length - 1]! ^= 1;
  t.equal(publicKeyFromSpki(offCurve), undefined, 'not on the curve');
});

t.test('untrusted JWKs are read strictly', async (t) => {
  const jwk = publicKeyToJwk(generateKeyPair().publicKey);
  const flipped = Buffer.from(jwk.y, 'base64url');
  flipped[31]! ^= 1;
  const bad: [string, unknown][] = [
    ['null', null],
    ['text', 'EC'],
    ['private part', { ...jwk, d: jwk.x }],
    ['other curve', { ...jwk, crv: 'P-384' }],
    ['other type', { ...jwk, kty: 'RSA' }],
    ['short coordinate', { ...jwk, x: jwk.x.slice(1) }],
    ['padded coordinate', { ...jwk, x: `${jwk.x}=` }],
    ['number', { ...jwk, x: 5 }],
    ['off the curve', { ...jwk, y: flipped.toString('base64url') }],
    ['reference to elsewhere', { ...jwk, x5u: 'https://example.org/' }],
  ];
  for (const [what, value] of bad) t.throws(() => publicKeyFromJwk(value), { code: 'bad-request' }, what);
  t.ok(publicKeyFromJwk({ ...jwk, kid: 'k', alg: 'ES256', use: 'sig' }) instanceof KeyObject);
});

t.test('a fingerprint is of the key, whatever carries it', async (t) => {
  const { newLeaf } = await makeCa(1_795_000_000_000);
  const { keys, leaf } = await newLeaf('spiffe://postern.test/device/abc');
  const hex = spkiFingerprint(keys.publicKey);
  t.match(hex, /^[0-9a-f]{64}$/);
  t.equal(spkiFingerprint(keys.privateKey), hex);
  t.equal(spkiFingerprint(new X509Certificate(leaf.pem)), hex);
  t.equal(formatFingerprint('1A2B3C4D5E6F708192A3FFFFFFFF'), '1a2b-3c4d-5e6f-7081-92a3');
});
