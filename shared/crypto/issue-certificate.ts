/**
 * Issuing X.509 certificates: root (10 years), issuing CA (1 year), leaves (24 hours). Loads the X.509 library at the
 * first call only, so that a process that merely verifies never pays its 20 MB.
 */
import { type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { day, second } from '../base/clock.ts';
import { PosternError } from '../base/errors.ts';
import { tags, writeDer } from './der.ts';
import { backdateForDevices, backdateOf } from './issued-at.ts';
import { generateKeyPair, spkiFingerprint } from './keys.ts';
import { isTrustDomain, parseSpiffeId } from './spiffe.ts';

/** A certificate as PEM with the key that signs under it. */
export interface Issuer {
  readonly certificate: string;
  readonly privateKey: KeyObject;
}

export interface Authority extends Issuer {
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

export interface IssuedLeaf {
  readonly pem: string;
  /** 32 lower-case hex digits. */
  readonly serial: string;
  readonly spiffeId: string;
  /** Milliseconds since the epoch, whole seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface LeafOrder {
  readonly issuer: Issuer;
  readonly publicKey: KeyObject;
  readonly spiffeId: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly lifeMs?: number;
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
}

const leafLife = day;
/** X.520 upper bound of O and CN. */
const maxNameChars = 64;

export async function loadX509() {
  // The library registers its parts by decorators and needs the reflection shim in place first.
  await import('reflect-metadata');
  return import('@peculiar/x509');
}
type X509 = Awaited<ReturnType<typeof loadX509>>;

/** A self-signed root for one trust domain, with a new key; one CA may stand below it. */
export async function makeRootCa(order: { trustDomain: string; now: number; days?: number }): Promise<Authority> {
  const keys = generateKeyPair();
  const times = validity(order.now, (order.days ?? 3650) * day, undefined, backdateForDevices);
  const x509 = await loadX509();
  const name = caName('root', order.trustDomain, keys.publicKey);
  const certificate = await x509.X509CertificateGenerator.create({
    ...signing(keys.privateKey),
    ...dates(times),
    serialNumber: newSerial(),
    publicKey: spkiOf(keys.publicKey),
    subject: name,
    issuer: name,
    extensions: caExtensions(x509, {
      keys,
      trustDomain: order.trustDomain,
      pathLength: 1,
      issuerId: keyId(keys.publicKey),
    }),
  });
  return { certificate: pemOf(certificate), privateKey: keys.privateKey, notAfter: times.notAfter };
}

/**
 * A CA below `root` with a new key that can issue leaves and nothing else (path length 0), for names of this trust domain
 * only (a critical URI name constraint, which OpenSSL enforces on the host part; `checkLeaf` compares it again).
 */
export async function makeIssuingCa(order: {
  root: Issuer;
  trustDomain: string;
  now: number;
  days?: number;
}): Promise<Authority> {
  const keys = generateKeyPair();
  const root = new X509Certificate(order.root.certificate);
  const times = validity(order.now, (order.days ?? 365) * day, root, backdateForDevices);
  const x509 = await loadX509();
  const certificate = await x509.X509CertificateGenerator.create({
    ...signing(order.root.privateKey),
    ...dates(times),
    serialNumber: newSerial(),
    publicKey: spkiOf(keys.publicKey),
    subject: caName('issuing', order.trustDomain, keys.publicKey),
    issuer: new x509.X509Certificate(root.raw).subjectName,
    extensions: [
      ...caExtensions(x509, { keys, trustDomain: order.trustDomain, pathLength: 0, issuerId: keyId(root.publicKey) }),
      new x509.Extension('2.5.29.30', true, nameConstraints(order.trustDomain)),
    ],
  });
  return { certificate: pemOf(certificate), privateKey: keys.privateKey, notAfter: times.notAfter };
}

/**
 * A leaf for `publicKey`: exactly one URI name, good for `lifeMs` (24 h) from now and never past its issuer; of a device from one minute
 * ago, of a server from a day ago.
 * Nothing in it comes from a certificate request.
 */
export async function issueLeaf(order: LeafOrder): Promise<IssuedLeaf> {
  const name = mustParse(order.spiffeId);
  const issuer = new X509Certificate(order.issuer.certificate);
  const times = validity(order.now, order.lifeMs ?? leafLife, issuer, backdateOf(name.role));
  const serial = newSerial();
  const x509 = await loadX509();
  const certificate = await x509.X509CertificateGenerator.create({
    ...signing(order.issuer.privateKey),
    ...dates(times),
    serialNumber: serial,
    publicKey: spkiOf(order.publicKey),
    // For people who choose a certificate from a list; nothing reads it.
    subject: [{ CN: [`${name.role} ${name.id}`.slice(0, maxNameChars)] }],
    issuer: new x509.X509Certificate(issuer.raw).subjectName,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth], false),
      new x509.SubjectAlternativeNameExtension([
        { type: 'url', value: order.spiffeId },
        ...(order.dnsNames ?? []).map((value) => ({ type: 'dns', value }) as const),
        ...(order.ipAddresses ?? []).map((value) => ({ type: 'ip', value }) as const),
      ]),
      new x509.SubjectKeyIdentifierExtension(keyId(order.publicKey)),
      new x509.AuthorityKeyIdentifierExtension(keyId(issuer.publicKey)),
    ],
  });
  return { pem: pemOf(certificate), serial, spiffeId: order.spiffeId, ...times };
}

function mustParse(text: string) {
  const name = parseSpiffeId(text);
  if (name === undefined) throw new TypeError('not a SPIFFE ID of ours');
  return name;
}

interface Times {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** X.509 counts whole seconds; nothing outlives what signed it. */
export function validity(
  now: number,
  lifeMs: number,
  issuer?: X509Certificate,
  backdateMs = backdateOf('device'),
): Times {
  const wholeSecond = (ms: number) => Math.floor(ms / second) * second;
  const end = wholeSecond(now + lifeMs);
  const last = issuer === undefined ? end : issuer.validToDate.getTime();
  const notAfter = Math.min(end, last);
  if (notAfter <= now) throw new PosternError('internal', 'the issuing certificate has expired');
  return { notBefore: wholeSecond(now - backdateMs), notAfter };
}

export const dates = ({ notBefore, notAfter }: Times) => ({
  notBefore: new Date(notBefore),
  notAfter: new Date(notAfter),
});

export function signing(privateKey: KeyObject) {
  const signingKey = privateKey.toCryptoKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
  return { signingKey, signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' } };
}

interface CaFacts {
  readonly keys: { readonly publicKey: KeyObject };
  readonly trustDomain: string;
  readonly pathLength: number;
  readonly issuerId: string;
}

function caExtensions(x509: X509, { keys, trustDomain, pathLength, issuerId }: CaFacts) {
  return [
    new x509.BasicConstraintsExtension(true, pathLength, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    new x509.SubjectAlternativeNameExtension([{ type: 'url', value: `spiffe://${trustDomain}` }]),
    new x509.SubjectKeyIdentifierExtension(keyId(keys.publicKey)),
    new x509.AuthorityKeyIdentifierExtension(issuerId),
  ];
}

/** Every CA has a name of its own, so that a chain is found by name also while an old and a new one are trusted. */
function caName(kind: string, trustDomain: string, publicKey: KeyObject): Record<string, string[]>[] {
  if (!isTrustDomain(trustDomain)) throw new TypeError('not a trust domain');
  return [
    { O: [`Postern ${trustDomain}`.slice(0, maxNameChars)] },
    { CN: [`Postern ${kind} CA ${keyId(publicKey).slice(0, 8)}`] },
  ];
}

/** RFC 5280 section 4.2.1.10: NameConstraints { permittedSubtrees [0] { GeneralSubtree { base [6] URI } } }. */
function nameConstraints(trustDomain: string): Buffer {
  const subtree = writeDer(tags.sequence, writeDer(0x86, Buffer.from(trustDomain, 'latin1')));
  return writeDer(tags.sequence, writeDer(0xa0, subtree));
}

export const spkiOf = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });

/** RFC 7093 section 2: the leftmost 160 bits of the SHA-256 of the SubjectPublicKeyInfo. */
export const keyId = (key: KeyObject): string => spkiFingerprint(key).slice(0, 40);

/** 126 random bits behind 01: positive, never shorter than 16 bytes, so one number has one spelling in hex. */
export function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.toString('hex');
}

export const pemOf = (certificate: { toString(format: 'pem'): string }): string =>
  `${certificate.toString('pem').trimEnd()}\n`;
