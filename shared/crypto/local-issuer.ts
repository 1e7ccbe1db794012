/**
 * The issuer of TLS certificates for names of apps on one device (P31): a root that can certify names of its zones for servers and nothing
 * else, whoever holds its key. RFC 5280 section 4.2.1.10.
 */
import { type KeyObject, X509Certificate } from 'node:crypto';
import { day } from '../base/clock.ts';
import { PosternError } from '../base/errors.ts';
import { readChildren, readDer, tags, writeDer } from './der.ts';
import {
  type Authority,
  dates,
  type Issuer,
  keyId,
  loadX509,
  newSerial,
  pemOf,
  signing,
  spkiOf,
  validity,
} from './issue-certificate.ts';
import { generateKeyPair } from './keys.ts';

export interface LocalIssuerOrder {
  /** Lower case, without dots at the ends. */
  readonly zones: readonly string[];
  /** Shown in lists of trusted issuers, at most 64 characters. */
  readonly label: string;
  readonly now: number;
}

const issuerDays = 365;
const leafLife = day;

export async function makeLocalIssuer({ zones, label, now }: LocalIssuerOrder): Promise<Authority> {
  if (zones.length === 0) throw new TypeError('an issuer for no zone');
  const keys = generateKeyPair();
  const times = validity(now, issuerDays * day);
  const x509 = await loadX509();
  const name: Record<string, string[]>[] = [
    { O: ['Postern, for this device alone'] },
    { CN: [`${label} ${keyId(keys.publicKey).slice(0, 8)}`.slice(-64)] },
  ];
  const certificate = await x509.X509CertificateGenerator.create({
    ...signing(keys.privateKey),
    ...dates(times),
    serialNumber: newSerial(),
    publicKey: spkiOf(keys.publicKey),
    subject: name,
    issuer: name,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth], false),
      new x509.Extension('2.5.29.30', true, onlyZones(zones)),
      new x509.SubjectKeyIdentifierExtension(keyId(keys.publicKey)),
    ],
  });
  return { certificate: pemOf(certificate), privateKey: keys.privateKey, notAfter: times.notAfter };
}

/** A server certificate of 24 h for exactly one name, and never past its issuer. */
export async function issueForName(order: {
  readonly issuer: Issuer;
  readonly publicKey: KeyObject;
  readonly name: string;
  readonly now: number;
}): Promise<{ readonly pem: string; readonly notAfter: number }> {
  const issuer = new X509Certificate(order.issuer.certificate);
  if (order.name.length > 253) throw new PosternError('internal', 'a name too long for a certificate');
  const times = validity(order.now, leafLife, issuer);
  const x509 = await loadX509();
  const certificate = await x509.X509CertificateGenerator.create({
    ...signing(order.issuer.privateKey),
    ...dates(times),
    serialNumber: newSerial(),
    publicKey: spkiOf(order.publicKey),
    subject: [{ CN: [order.name.slice(0, 64)] }],
    issuer: new x509.X509Certificate(issuer.raw).subjectName,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth], false),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: order.name }]),
      new x509.SubjectKeyIdentifierExtension(keyId(order.publicKey)),
      new x509.AuthorityKeyIdentifierExtension(keyId(issuer.publicKey)),
    ],
  });
  return { pem: pemOf(certificate), notAfter: times.notAfter };
}

/** Permitted: the zones and what is below them. Excluded: every address and every mailbox; other kinds of names are of no use to servers. */
function onlyZones(zones: readonly string[]): Buffer {
  const subtree = (tag: number, base: Buffer) => writeDer(tags.sequence, writeDer(tag, base));
  const permitted = zones.map((zone) => subtree(0x82, Buffer.from(zone, 'latin1')));
  const excluded = [subtree(0x87, Buffer.alloc(8)), subtree(0x87, Buffer.alloc(32))];
  return writeDer(
    tags.sequence,
    Buffer.concat([writeDer(0xa0, Buffer.concat(permitted)), writeDer(0xa1, Buffer.concat(excluded))]),
  );
}

/** The zones of an issuer as `makeLocalIssuer` makes them; undefined for every other certificate, which nothing may be told to trust. */
export async function zonesOfLocalIssuer(pem: string): Promise<string[] | undefined> {
  const x509 = await loadX509();
  let certificate: InstanceType<typeof x509.X509Certificate>;
  let own: X509Certificate;
  try {
    certificate = new x509.X509Certificate(pem);
    own = new X509Certificate(pem);
  } catch {
    return undefined;
  }
  if (!own.verify(own.publicKey) || !own.checkIssued(own)) return undefined;
  const basic = certificate.getExtension(x509.BasicConstraintsExtension);
  const usages = certificate.getExtension(x509.ExtendedKeyUsageExtension)?.usages ?? [];
  const constraints = certificate.getExtension('2.5.29.30');
  if (basic?.ca !== true || basic.pathLength !== 0 || !basic.critical || constraints?.critical !== true)
    return undefined;
  if (usages.length !== 1 || usages[0] !== x509.ExtendedKeyUsage.serverAuth) return undefined;
  const value = Buffer.from(constraints.value);
  const permitted = readChildren(readDer(value, tags.sequence)!)?.[0];
  const zones = (permitted === undefined ? [] : (readChildren(permitted) ?? [])).map(
    (subtree) => readChildren(subtree)?.[0]?.content.toString('latin1') ?? '',
  );
  // Whatever else it may say: it says exactly what one for these zones would.
  const isZones = zones.length > 0 && zones.every((zone) => /^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(zone));
  return isZones && onlyZones(zones).equals(value) ? zones : undefined;
}
