/** A certificate is kept only if it is the one that was asked for: our key, our name, our trust domain, a chain to a known root. */
import { X509Certificate } from 'node:crypto';
import { PosternError } from '../base/errors.ts';
import { checkLeaf } from './check-leaf.ts';
import type { Role } from './spiffe.ts';

/** Texts are PEM. */
export interface Issued {
  readonly certificate: string;
  /** Issuing CA first, without the root. */
  readonly chain: readonly string[];
  /** The roots. */
  readonly bundle: readonly string[];
  readonly trustDomain: string;
}

export interface IssuedRules {
  readonly role: Role;
  readonly id: string;
  /** Thumbprint of the key that the request was made with. */
  readonly jkt: string;
  readonly trustDomain: string;
  /** The roots trusted before; the new bundle must hold one of them, so that one answer cannot replace all trust. */
  readonly knownRoots: readonly string[];
  /**
   * Milliseconds by a clock that can be relied on. Without it the times are not judged: a device's clock may be wrong (P19), and
   * then the controller's own certificate would be refused before this.
   */
  readonly now?: number;
}

type Fail = (why: string, cause?: unknown) => PosternError;
const fail: Fail = (why, cause) => new PosternError('bad-answer', `the certificate that was issued ${why}`, { cause });

/** Throws `bad-answer`. Order: trust domain, form, name and times, key, chain, root, known root. */
export function checkIssued(issued: Issued, rules: IssuedRules): void {
  const { role, id, jkt, trustDomain, knownRoots } = rules;
  if (issued.trustDomain !== trustDomain) throw fail('is of another trust domain');
  const leaf = readCertificate(issued.certificate);
  const chain = issued.chain.map(readCertificate);
  const roots = issued.bundle.map(readCertificate);
  const now = rules.now ?? Date.parse(leaf.validFrom);
  const verdict = checkLeaf(leaf, { trustDomain, roles: [role], id, now });
  if (!verdict.ok) throw fail(`is not acceptable: ${verdict.reason}`);
  if (verdict.jkt !== jkt) throw fail('is for another key');
  let top = leaf;
  for (const above of chain) {
    if (!isSignedBy(top, above)) throw fail('has a chain that does not hold');
    top = above;
  }
  if (!roots.some((root) => isSignedBy(top, root))) throw fail('leads to no root');
  const known = new Set(knownRoots.map((pem) => readCertificate(pem).fingerprint256));
  if (!roots.some((root) => known.has(root.fingerprint256))) throw fail('comes with none of the known roots');
}

function isSignedBy(below: X509Certificate, above: X509Certificate): boolean {
  return below.checkIssued(above) && below.verify(above.publicKey);
}

function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw fail('cannot be read', cause);
  }
}
