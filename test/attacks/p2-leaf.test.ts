import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { checkLeaf, type LeafReason, type LeafRules, leafReasons } from '#shared/crypto/check-leaf.ts';
import { tags, writeDer } from '#shared/crypto/der.ts';
import {
  clientAuth,
  codeSigning,
  type ForgedLeaf,
  flags,
  forgeLeaf,
  purposes,
  serverAuth,
  usage,
  x509,
} from '../crypto/support/forge-leaf.ts';
import { makeCa, trustDomain } from '../crypto/support/make-ca.ts';

const now = 1_795_000_000_000;
const rules: LeafRules = { trustDomain, roles: ['device'], now };
const { root, issuer, newLeaf } = await makeCa(now);
const good = 'spiffe://postern.test/device/abc';
const unknownCritical = new x509.Extension('1.2.3.4.5', true, Buffer.from('0500', 'hex'));
const secondNames = new x509.SubjectAlternativeNameExtension([
  { type: 'url', value: 'spiffe://postern.test/controller/x' },
]);
const pathLengthOnly = new x509.Extension('2.5.29.19', true, writeDer(tags.sequence, Buffer.from('020100', 'hex')));
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey;
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;

const matrix: [what: string, reason: LeafReason, forged: ForgedLeaf, rules?: Partial<LeafRules>][] = [
  ['two URI names', 'uri-count', { uris: [good, 'spiffe://postern.test/controller/x'] }],
  ['the same URI name twice', 'uri-count', { uris: [good, good] }],
  ['no names at all', 'uri-count', { uris: [] }],
  ['a DNS name that looks like an id', 'uri-count', { uris: [], names: [{ type: 'dns', value: 'postern.test' }] }],
  ['two extensions of names', 'unreadable', { more: [secondNames] }],
  ['another trust domain', 'trust-domain', { uris: ['spiffe://evil.test/device/abc'] }],
  ['our trust domain as a suffix', 'trust-domain', { uris: ['spiffe://x.postern.test/device/abc'] }],
  ['upper case in the trust domain', 'spiffe-id', { uris: ['spiffe://Postern.test/device/abc'] }],
  ['a path of three', 'spiffe-id', { uris: ['spiffe://postern.test/device/abc/controller'] }],
  ['no path, like a CA', 'spiffe-id', { uris: ['spiffe://postern.test'] }],
  ['percent-encoding', 'spiffe-id', { uris: ['spiffe://postern.test/device/%61bc'] }],
  ['a role nobody knows', 'spiffe-id', { uris: ['spiffe://postern.test/admin/abc'] }],
  ['a role not taken here', 'role', { uris: ['spiffe://postern.test/gateway/abc'] }],
  ['a device that plays the controller', 'role', {}, { roles: ['controller'] }],
  ['another id than the one asked for', 'id', {}, { id: 'abd' }],
  ['CA:TRUE', 'is-ca', { basicConstraints: new x509.BasicConstraintsExtension(true, 0, true) }],
  ['a path length without the flag', 'is-ca', { basicConstraints: pathLengthOnly }],
  ['keyCertSign beside digitalSignature', 'key-usage', { keyUsage: usage(flags.digitalSignature | flags.keyCertSign) }],
  ['cRLSign beside digitalSignature', 'key-usage', { keyUsage: usage(flags.digitalSignature | flags.cRLSign) }],
  ['no digitalSignature', 'key-usage', { keyUsage: usage(flags.keyEncipherment) }],
  ['no key usage', 'key-usage', { keyUsage: null }],
  ['a key usage that is not critical', 'unreadable', { keyUsage: usage(flags.digitalSignature, false) }],
  ['no extended key usage', 'extended-key-usage', { extendedKeyUsage: null }],
  ['only clientAuth', 'extended-key-usage', { extendedKeyUsage: purposes(clientAuth) }],
  ['only serverAuth', 'extended-key-usage', { extendedKeyUsage: purposes(serverAuth) }],
  ['only codeSigning', 'extended-key-usage', { extendedKeyUsage: purposes(codeSigning) }],
  ['anyExtendedKeyUsage', 'extended-key-usage', { extendedKeyUsage: purposes('2.5.29.37.0') }],
  ['an unknown critical extension', 'critical-extension', { more: [unknownCritical] }],
  ['a key on P-384', 'key-type', { publicKey: p384 }],
  ['an RSA key', 'key-type', { publicKey: rsa }],
  ['expired by one second', 'expired', { notAfter: now - 1000 }],
  ['valid in one second', 'not-yet-valid', { notBefore: now + 1000 }],
  ['denied', 'denied', { serial: '4011' }, { isDenied: ({ id, serial }) => id === 'abc' && serial === '4011' }],
];

t.test('P2 the forger makes a good leaf when it changes nothing', async (t) => {
  const verdict = checkLeaf(await forgeLeaf(issuer, now), rules);
  t.match(verdict, { ok: true, role: 'device', id: 'abc', spiffeId: good });
});

t.test('P2 every bad leaf is refused for its own reason', async (t) => {
  for (const [what, reason, forged, more] of matrix) {
    const der = await forgeLeaf(issuer, now, forged);
    t.strictSame(checkLeaf(der, { ...rules, ...more }), { ok: false, reason }, what);
  }
  const tested = new Set(matrix.map(([, reason]) => reason));
  t.strictSame([...leafReasons].sort(), [...tested].sort(), 'every reason has a leaf');
});

t.test('P2 a CA without keyCertSign is found, which Node calls no CA', async (t) => {
  const der = await forgeLeaf(issuer, now, {
    basicConstraints: new x509.BasicConstraintsExtension(true, undefined, true),
  });
  t.equal(new X509Certificate(der).ca, false, 'what Node says');
  t.strictSame(checkLeaf(der, rules), { ok: false, reason: 'is-ca' });
});

t.test('P2 a CA certificate is no leaf', async (t) => {
  for (const { certificate } of [root, issuer]) t.equal(checkLeaf(new X509Certificate(certificate), rules).ok, false);
});

t.test('P2 the edges of validity are inclusive, to the second', async (t) => {
  const { leaf } = await newLeaf(good);
  const certificate = new X509Certificate(leaf.pem);
  const at = (moment: number) => checkLeaf(certificate, { ...rules, now: moment }).ok;
  t.ok(at(leaf.notBefore) && at(leaf.notAfter));
  t.notOk(at(leaf.notBefore - 1) || at(leaf.notAfter + 1));
});

t.test('P2 broken bytes are refused without throwing', async (t) => {
  const der = await forgeLeaf(issuer, now);
  t.match(checkLeaf(Buffer.alloc(0), rules), { reason: 'unreadable' });
  t.match(checkLeaf(Buffer.concat([der, Buffer.of(0)]), rules), { reason: 'unreadable' });
  t.match(checkLeaf(Buffer.alloc(9000, der), rules), { reason: 'unreadable' });
  for (let length = 0; length < der.length; length++) {
    if (checkLeaf(der.subarray(0, length), rules).ok) t.fail(`cut at ${length}`);
  }
  const flips = fc.tuple(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }));
  fc.assert(
    fc.property(flips, ([at, bits]) => {
      const changed = Buffer.from(der);
      changed[at]! ^= bits;
      const verdict = checkLeaf(changed, rules);
      // The chain's signature is TLS's to check; our reading of the identity must not drift by a flipped bit.
      return !verdict.ok || verdict.spiffeId === `spiffe://${trustDomain}/${verdict.role}/${verdict.id}`;
    }),
    { numRuns: 3000 },
  );
});
