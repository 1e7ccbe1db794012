/** A certificate authority for tests: real certificates by our own issuer, and malformed ones by the X.509 library. */
import 'reflect-metadata';
import { createHash, type KeyObject, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { hour } from '#shared/base/clock.ts';
import { type Issuer, issueLeaf, makeIssuingCa, makeRootCa } from '#shared/crypto/issue-certificate.ts';
import { generateKeyPair } from '#shared/crypto/keys.ts';
import { fromPem } from '#shared/crypto/pem.ts';
import type { Role } from '#shared/crypto/spiffe.ts';

export interface TestLeaf {
  readonly key: KeyObject;
  readonly certificate: string;
  readonly chain: readonly string[];
  readonly bundle: readonly string[];
}

export interface TestCa {
  readonly trustDomain: string;
  readonly root: string;
  /** SHA-256 of the root's DER in hex. */
  readonly pin: string;
  readonly bundle: readonly string[];
  /** The issuing CA with its key, for certificates that it would not write. */
  readonly issuer: Issuer;
  /** `now` moves the moment of issue: far enough back, the leaf has expired. */
  leaf(role: Role, id: string, options?: { now?: number; lifeMs?: number }): Promise<TestLeaf>;
  /** A leaf for somebody else's key, as from a certificate request. */
  issue(
    publicKey: KeyObject,
    role: Role,
    id: string,
    options?: { now?: number; lifeMs?: number },
  ): Promise<Omit<TestLeaf, 'key'>>;
  /** A leaf signed by the real issuing CA with any URI names. */
  oddLeaf(uris: readonly string[]): Promise<TestLeaf>;
}

export async function makeTestCa(trustDomain = 'test.example'): Promise<TestCa> {
  const now = Date.now() - hour;
  const root = await makeRootCa({ trustDomain, now });
  const issuing = await makeIssuingCa({ root, trustDomain, now });
  const bundle = [root.certificate];
  const chain = [issuing.certificate];
  return {
    trustDomain,
    root: root.certificate,
    issuer: issuing,
    pin: createHash('sha256').update(fromPem('CERTIFICATE', root.certificate)!).digest('hex'),
    bundle,
    async leaf(role, id, options = {}) {
      const { privateKey, publicKey } = generateKeyPair();
      const order = { issuer: issuing, publicKey, spiffeId: `spiffe://${trustDomain}/${role}/${id}`, now: Date.now() };
      const { pem } = await issueLeaf({ ...order, ...options });
      return { key: privateKey, certificate: pem, chain, bundle };
    },
    async issue(publicKey, role, id, options = {}) {
      const order = { issuer: issuing, publicKey, spiffeId: `spiffe://${trustDomain}/${role}/${id}`, now: Date.now() };
      const { pem } = await issueLeaf({ ...order, ...options });
      return { certificate: pem, chain, bundle };
    },
    async oddLeaf(uris) {
      const { privateKey, publicKey } = generateKeyPair();
      const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
      const pkcs8 = issuing.privateKey.export({ type: 'pkcs8', format: 'der' });
      const signingKey = await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, true, ['sign']);
      const spki = publicKey.export({ type: 'spki', format: 'der' });
      const certificate = await x509.X509CertificateGenerator.create({
        serialNumber: '01'.repeat(16),
        issuer: new x509.X509Certificate(issuing.certificate).subject,
        subject: '',
        notBefore: new Date(Date.now() - hour),
        notAfter: new Date(Date.now() + hour),
        publicKey: await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']),
        signingKey,
        signingAlgorithm: algorithm,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
          new x509.SubjectAlternativeNameExtension(
            uris.map((value) => ({ type: 'url', value }) as const),
            true,
          ),
        ],
      });
      return { key: privateKey, certificate: certificate.toString('pem'), chain, bundle };
    },
  };
}
