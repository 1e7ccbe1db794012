/** Certificates that our own CA would never write, signed by its key: what a flawed or stolen issuer could hand out. */
import 'reflect-metadata';
import { type KeyObject, randomBytes } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { Issuer } from '#shared/crypto/issue-certificate.ts';
import { generateKeyPair } from '#shared/crypto/keys.ts';

export interface ForgedLeaf {
  uris?: string[];
  /** Further names beside the URIs. */
  names?: x509.JsonGeneralName[];
  basicConstraints?: x509.Extension | null;
  keyUsage?: x509.Extension | null;
  extendedKeyUsage?: x509.Extension | null;
  more?: x509.Extension[];
  notBefore?: number;
  notAfter?: number;
  publicKey?: KeyObject;
  serial?: string;
}

export { x509 };
export const usage = (flags: number, critical = true) => new x509.KeyUsagesExtension(flags, critical);
export const purposes = (...oids: string[]) => new x509.ExtendedKeyUsageExtension(oids, false);
export const flags = x509.KeyUsageFlags;
export const { serverAuth, clientAuth, codeSigning } = x509.ExtendedKeyUsage;

/** A good leaf but for what `forged` says; null leaves an extension out. */
export async function forgeLeaf(issuer: Issuer, now: number, forged: ForgedLeaf = {}): Promise<Buffer> {
  const pick = <E>(given: E | null | undefined, usual: E): E[] => (given === null ? [] : [given ?? usual]);
  const uris = (forged.uris ?? ['spiffe://postern.test/device/abc']).map((value) => ({ type: 'url', value }) as const);
  const names = [...uris, ...(forged.names ?? [])];
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const certificate = await x509.X509CertificateGenerator.create({
    signingKey: issuer.privateKey.toCryptoKey(algorithm, false, ['sign']),
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    serialNumber: forged.serial ?? `40${randomBytes(15).toString('hex')}`,
    notBefore: new Date(forged.notBefore ?? now - 60_000),
    notAfter: new Date(forged.notAfter ?? now + 3_600_000),
    publicKey: (forged.publicKey ?? generateKeyPair().publicKey).export({ type: 'spki', format: 'der' }),
    subject: [{ CN: ['device abc'] }],
    issuer: new x509.X509Certificate(issuer.certificate).subjectName,
    extensions: [
      ...pick(forged.basicConstraints, new x509.BasicConstraintsExtension(false, undefined, true)),
      ...pick(forged.keyUsage, usage(flags.digitalSignature)),
      ...pick(forged.extendedKeyUsage, purposes(serverAuth, clientAuth)),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
      ...(forged.more ?? []),
    ],
  });
  return Buffer.from(certificate.rawData);
}
