import { generateKeyPairSync, webcrypto } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { makeCsr, readCsr } from '#shared/crypto/csr.ts';
import { generateKeyPair } from '#shared/crypto/keys.ts';
import { fromPem, toPem } from '#shared/crypto/pem.ts';
import { noOpenssl, openssl } from './support/make-ca.ts';

const label = 'CERTIFICATE REQUEST';
const refused = { code: 'csr-refused' };

t.test('a request gives back its key', async (t) => {
  const keys = generateKeyPair();
  t.ok(readCsr(makeCsr(keys)).equals(keys.publicKey));
});

t.test('OpenSSL reads ours and we read theirs', noOpenssl || {}, async (t) => {
  const ours = openssl(['req', '-in', 'a.csr', '-verify', '-noout', '-subject'], {
    'a.csr': makeCsr(generateKeyPair()),
  });
  t.equal(ours.status, 0, ours.output);
  t.match(ours.output, /verify OK/);
  const keys = generateKeyPair();
  const pem = keys.privateKey.export({ type: 'pkcs8', format: 'pem' });
  const args = [
    'req',
    '-new',
    '-key',
    'k.pem',
    '-subj',
    '/CN=controller',
    '-addext',
    'subjectAltName=URI:spiffe://a/controller/x',
  ];
  const theirs = openssl(args, { 'k.pem': pem });
  t.ok(readCsr(theirs.output).equals(keys.publicKey), 'names and extensions are allowed and ignored');
});

t.test('the X.509 library reads ours and we read its', async (t) => {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  t.ok(await new x509.Pkcs10CertificateRequest(makeCsr(generateKeyPair())).verify());
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const theirs = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=x',
    keys,
    signingAlgorithm: algorithm,
  });
  t.equal(readCsr(theirs.toString('pem')).asymmetricKeyType, 'ec');
});

t.test('what proves nothing is refused', async (t) => {
  const mine = generateKeyPair();
  const stolen = generateKeyPair().publicKey;
  t.throws(() => readCsr(makeCsr({ privateKey: mine.privateKey, publicKey: stolen })), refused, "somebody else's key");
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  t.throws(() => readCsr(makeCsr(p384)), refused, 'another curve');
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  t.throws(() => readCsr(makeCsr(rsa)), refused, 'RSA');
  t.throws(() => readCsr(''), refused, 'nothing');
  t.throws(() => readCsr(toPem('CERTIFICATE', fromPem(label, makeCsr(mine))!)), refused, 'another label');
  t.throws(() => readCsr(' '.repeat(5000) + makeCsr(mine)), refused, 'too large');
  t.throws(() => readCsr(makeCsr(mine) + makeCsr(mine)), refused, 'two of them');
});

t.test('no changed byte and no random text is accepted', async (t) => {
  const der = fromPem(label, makeCsr(generateKeyPair()))!;
  fc.assert(
    fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, bits) => {
      const changed = Buffer.from(der);
      changed[at]! ^= bits;
      return throwsRefused(toPem(label, changed));
    }),
    { numRuns: 1000 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => throwsRefused(toPem(label, bytes))));
  t.pass();
});

function throwsRefused(pem: string): boolean {
  try {
    readCsr(pem);
    return false;
  } catch (error) {
    return (error as { code?: string }).code === 'csr-refused';
  }
}
