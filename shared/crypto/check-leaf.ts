/**
 * P2: our own checks of the peer's leaf, after TLS has proven its chain and its key. Needed because OpenSSL accepts two
 * URI names, knows no trust domain and no role, and a resumed session skips its checks altogether.
 */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { keyThumbprint } from './keys.ts';
import { clientAuth, type LeafFacts, readLeaf, serverAuth } from './read-leaf.ts';
import { parseSpiffeId, type Role } from './spiffe.ts';

export interface LeafRules {
  readonly trustDomain: string;
  /** The roles accepted here (P1): a dialer or a route names one. */
  readonly roles: readonly Role[];
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** When given, the one id accepted. */
  readonly id?: string;
  /** The deny list; asked last, only about a leaf that is right in every other way. */
  readonly isDenied?: (leaf: { readonly role: Role; readonly id: string; readonly serial: string }) => boolean;
}

export interface LeafIdentity {
  readonly role: Role;
  readonly id: string;
  readonly spiffeId: string;
  /** Lower-case hex. */
  readonly serial: string;
  /** Milliseconds since the epoch; a timer of the caller closes the connection at `notAfter`. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly publicKey: KeyObject;
  /** RFC 7638 thumbprint of the key, to compare with `cnf.jkt`. */
  readonly jkt: string;
}

/** Every way a leaf can be refused, in the order of the checks. */
export const leafReasons = [
  'unreadable',
  'critical-extension',
  'uri-count',
  'spiffe-id',
  'trust-domain',
  'role',
  'id',
  'is-ca',
  'key-usage',
  'extended-key-usage',
  'key-type',
  'not-yet-valid',
  'expired',
  'denied',
] as const;
export type LeafReason = (typeof leafReasons)[number];

export type LeafVerdict = ({ readonly ok: true } & LeafIdentity) | { readonly ok: false; readonly reason: LeafReason };

const refuse = (reason: LeafReason): LeafVerdict => ({ ok: false, reason });

export function checkLeaf(certificate: Buffer | X509Certificate, rules: LeafRules): LeafVerdict {
  const leaf = readLeaf(Buffer.isBuffer(certificate) ? certificate : certificate.raw);
  if (leaf === undefined) return refuse('unreadable');
  if (leaf.hasUnknownCritical) return refuse('critical-extension');

  const spiffeId = leaf.uris[0];
  if (spiffeId === undefined || leaf.uris.length !== 1) return refuse('uri-count');
  const name = parseSpiffeId(spiffeId);
  if (name === undefined) return refuse('spiffe-id');
  if (name.trustDomain !== rules.trustDomain) return refuse('trust-domain');
  const { role, id } = name;
  if (!rules.roles.includes(role)) return refuse('role');
  if (rules.id !== undefined && id !== rules.id) return refuse('id');

  if (leaf.isCa) return refuse('is-ca');
  if (!signsOnlyMessages(leaf)) return refuse('key-usage');
  if (!isForBothEnds(leaf)) return refuse('extended-key-usage');
  const { serial, notBefore, notAfter, publicKey } = leaf;
  if (publicKey === undefined) return refuse('key-type');

  if (rules.now < notBefore) return refuse('not-yet-valid');
  if (rules.now > notAfter) return refuse('expired');
  if (rules.isDenied?.({ role, id, serial })) return refuse('denied');
  return { ok: true, role, id, spiffeId, serial, notBefore, notAfter, publicKey, jkt: keyThumbprint(publicKey) };
}

function signsOnlyMessages({ keyUsage }: LeafFacts): boolean {
  return keyUsage?.digitalSignature === true && !keyUsage.signsCertificates;
}

/** X509-SVID section 4.4: both, as any of our peers may dial and be dialled. */
function isForBothEnds({ extendedKeyUsage }: LeafFacts): boolean {
  return extendedKeyUsage.includes(serverAuth) && extendedKeyUsage.includes(clientAuth);
}
