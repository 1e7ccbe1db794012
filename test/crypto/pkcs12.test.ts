import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import t from 'tap';
import { privateKeyToPem } from '#shared/crypto/keys.ts';
import { makePkcs12 } from '#shared/crypto/pkcs12.ts';
import { makeCa, noOpenssl, openssl } from './support/make-ca.ts';

const ca = await makeCa(1_795_000_000_000);
const { keys, leaf } = await ca.newLeaf('spiffe://postern.test/device/abc');
const password = 'pä ss 🔑';
const order = {
  privateKeyPem: privateKeyToPem(keys.privateKey),
  certificatePems: [leaf.pem, ca.issuer.certificate],
  password,
  name: 'Ann at work',
};
const bundle = await makePkcs12(order);

t.test('Node reads the bundle', async (t) => {
  t.doesNotThrow(() => createSecureContext({ pfx: bundle, passphrase: password }));
  t.throws(() => createSecureContext({ pfx: bundle, passphrase: 'other' }), /mac verify failure/);
});

t.test('OpenSSL finds key, leaf and chain in it', noOpenssl || {}, async (t) => {
  const args = ['pkcs12', '-in', 'a.p12', '-info', '-noenc', '-passin', `pass:${password}`];
  const { status, output } = openssl(args, { 'a.p12': bundle });
  t.equal(status, 0, output);
  t.match(output, /MAC: sha256, Iteration 50000/);
  t.match(output, /PBES2, PBKDF2, AES-256-CBC, Iteration 50000, PRF hmacWithSHA256/);
  t.match(output, /friendlyName: Ann at work/);
  const blocks = (label: string) =>
    output.match(new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----`, 'g')) ?? [];
  t.ok(createPrivateKey(blocks('PRIVATE KEY')[0]!).equals(keys.privateKey));
  const serials = blocks('CERTIFICATE').map((pem) => new X509Certificate(pem).serialNumber);
  t.strictSame(
    serials,
    order.certificatePems.map((pem) => new X509Certificate(pem).serialNumber),
  );
  const [onLeaf, onKey] = output.match(/localKeyID: [0-9A-F ]+/g) ?? [];
  t.ok(onLeaf && onLeaf.trim() === onKey?.trim(), 'key and leaf carry the same id');
});

t.test('OpenSSL refuses a changed bundle', noOpenssl || {}, async (t) => {
  const changed = Buffer.from(bundle);
  changed[300]! ^= 1;
  const args = ['pkcs12', '-in', 'a.p12', '-noenc', '-passin', `pass:${password}`];
  t.not(openssl(args, { 'a.p12': changed }).status, 0);
});

t.test('a bundle of nothing is not made', async (t) => {
  await t.rejects(makePkcs12({ ...order, certificatePems: [] }), TypeError);
});
