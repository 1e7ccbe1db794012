/**
 * What a certificate says, read once from its DER (RFC 5280) by our own strict reader: Node's `X509Certificate` hides a
 * CA:TRUE without keyCertSign and gives names as text to be split again, and an X.509 library is too heavy for a gateway.
 * Says nothing about trust: TLS has proven chain and key before; `check-leaf.ts` judges.
 */
import type { KeyObject } from 'node:crypto';
import { type DerNode, readBits, readBoolean, readChildren, readDer, readSequence, readTime, tags } from './der.ts';
import { publicKeyFromSpki } from './keys.ts';

export interface LeafFacts {
  /** Lower-case hex without a leading zero byte, as `issueLeaf` returns it. */
  readonly serial: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Undefined when it is not a P-256 key in the accepted spelling. */
  readonly publicKey: KeyObject | undefined;
  /** Every URI among the subject alternative names. */
  readonly uris: readonly string[];
  /** True also for a path length without the flag: only a CA has a reason to carry one. */
  readonly isCa: boolean;
  readonly keyUsage: { readonly digitalSignature: boolean; readonly signsCertificates: boolean } | undefined;
  /** Extended key usages as hex of their OID content. */
  readonly extendedKeyUsage: readonly string[];
  readonly hasUnknownCritical: boolean;
}

const maxCertificateBytes = 8192;
const versionThree = Buffer.from('a003020102', 'hex');
const extensionsTag = 0xa3;
const uriTag = 0x86;

/** OID content in hex: 2.5.29.x. */
const oids = {
  keyIdentifier: '551d0e',
  keyUsage: '551d0f',
  altNames: '551d11',
  basicConstraints: '551d13',
  authorityKeyIdentifier: '551d23',
  extendedKeyUsage: '551d25',
} as const;
const knownOids: readonly string[] = Object.values(oids);

/** 1.3.6.1.5.5.7.3.1 and .2 */
export const serverAuth = '2b06010505070301';
export const clientAuth = '2b06010505070302';

interface Extension {
  readonly critical: boolean;
  readonly value: Buffer;
}

/** Undefined for everything that is not an X.509 v3 certificate in plain DER of at most 8 KB. */
export function readLeaf(der: Buffer): LeafFacts | undefined {
  if (der.length > maxCertificateBytes) return undefined;
  const certificate = readSequence(der, 3);
  if (certificate?.length !== 3 || certificate[0]!.tag !== tags.sequence) return undefined;
  const fields = readChildren(certificate[0]!, 8);
  // Exactly eight: the unique identifiers of v2 are not allowed (RFC 5280 section 4.1.2.8).
  if (fields?.length !== 8 || !fields[0]!.whole.equals(versionThree)) return undefined;
  const serial = readSerial(fields[1]!);
  const validity = readSequence(fields[4]!.whole, 2);
  const extensions = readExtensions(fields[7]!);
  if (serial === undefined || validity?.length !== 2 || extensions === undefined) return undefined;
  const notBefore = readTime(validity[0]!);
  const notAfter = readTime(validity[1]!);
  const uris = readUris(extensions.get(oids.altNames));
  const isCa = readIsCa(extensions.get(oids.basicConstraints));
  const usage = extensions.get(oids.keyUsage);
  const keyUsage = usage === undefined ? undefined : readKeyUsage(usage);
  const extendedKeyUsage = readOids(extensions.get(oids.extendedKeyUsage));
  if (notBefore === undefined || notAfter === undefined || uris === undefined || isCa === undefined) return undefined;
  if ((usage !== undefined && keyUsage === undefined) || extendedKeyUsage === undefined) return undefined;
  return {
    serial,
    notBefore,
    notAfter,
    publicKey: publicKeyFromSpki(fields[6]!.whole),
    uris,
    isCa,
    keyUsage,
    extendedKeyUsage,
    hasUnknownCritical: [...extensions].some(([oid, { critical }]) => critical && !knownOids.includes(oid)),
  };
}

/** Positive, at most 20 octets (RFC 5280 section 4.1.2.2), minimal. */
function readSerial(node: DerNode): string | undefined {
  const { content } = node;
  if (node.tag !== tags.integer || content.length === 0 || content.length > 21 || content[0]! >= 0x80) return undefined;
  if (content[0] !== 0) return content.toString('hex');
  return content.length > 1 && content[1]! >= 0x80 ? content.subarray(1).toString('hex') : undefined;
}

function readExtensions(node: DerNode): Map<string, Extension> | undefined {
  if (node.tag !== extensionsTag) return undefined;
  const list = readSequence(node.content);
  if (list === undefined) return undefined;
  const extensions = new Map<string, Extension>();
  for (const item of list) {
    const parts = readSequence(item.whole, 3);
    if (parts === undefined || parts.length < 2 || parts[0]!.tag !== tags.oid) return undefined;
    const critical = parts.length === 3 ? readBoolean(parts[1]!) : false;
    // DER leaves a default out, so an explicit FALSE is as malformed as anything else.
    if (critical === undefined || (parts.length === 3 && !critical)) return undefined;
    const value = parts.at(-1)!;
    const oid = parts[0]!.content.toString('hex');
    // RFC 5280 section 4.2: no extension twice. Readers differ in which of two they believe.
    if (value.tag !== tags.octetString || extensions.has(oid)) return undefined;
    extensions.set(oid, { critical, value: value.content });
  }
  return extensions;
}

function readUris(extension: Extension | undefined): string[] | undefined {
  if (extension === undefined) return [];
  return readSequence(extension.value)
    ?.filter(({ tag }) => tag === uriTag)
    .map(({ content }) => content.toString('latin1'));
}

function readIsCa(extension: Extension | undefined): boolean | undefined {
  if (extension === undefined) return false;
  const parts = readSequence(extension.value, 2);
  if (parts === undefined) return undefined;
  // Anything inside (the flag, a path length) is more than a leaf says; an explicit FALSE is not DER.
  return parts.length > 0;
}

function readKeyUsage(extension: Extension): LeafFacts['keyUsage'] {
  const node = readDer(extension.value, tags.bitString);
  const bits = node === undefined ? undefined : readBits(node);
  if (bits === undefined || !extension.critical) return undefined;
  const first = bits.bytes[0] ?? 0;
  // Bit 0 digitalSignature; bits 5 and 6 keyCertSign and cRLSign (RFC 5280 section 4.2.1.3).
  return { digitalSignature: (first & 0x80) !== 0, signsCertificates: (first & 0x06) !== 0 };
}

function readOids(extension: Extension | undefined): string[] | undefined {
  if (extension === undefined) return [];
  const nodes = readSequence(extension.value);
  return nodes?.every(({ tag }) => tag === tags.oid) ? nodes.map(({ content }) => content.toString('hex')) : undefined;
}
