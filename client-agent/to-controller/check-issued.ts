/** A certificate is stored only if it is the one we asked for: our key, our name, our trust domain, a chain to a known root. */
import { X509Certificate } from 'node:crypto';
import { PosternError } from '#shared/base/errors.ts';
import { checkLeaf } from '#shared/crypto/check-leaf.ts';

export interface Issued {
  readonly certificate: string;
  readonly chain: readonly string[];
  readonly bundle: readonly string[];
  readonly trustDomain: string;
}

export interface IssuedRules {
  readonly trustDomain: string;
  readonly device: string;
  /** Thumbprint of the key that the request was made with. */
  readonly jkt: string;
  /** This device's clock: only to tell a certificate that is not of our time from the others; see below. */
  readonly now: number;
  /** The roots trusted before; the new bundle must hold one of them, so that one answer cannot replace all trust. */
  readonly knownRoots: readonly string[];
}

/** Throws `bad-answer`. */
export function checkIssued(issued: Issued, rules: IssuedRules): void {
  const fail = (why: string, cause?: unknown) =>
    new PosternError('bad-answer', `the certificate that was issued ${why}`, { cause });
  if (issued.trustDomain !== rules.trustDomain) throw fail('is of another trust domain');
  let leaf: X509Certificate;
  let issuer: X509Certificate;
  let roots: X509Certificate[];
  try {
    leaf = new X509Certificate(issued.certificate);
    issuer = new X509Certificate(issued.chain[0] ?? '');
    roots = issued.bundle.map((pem) => new X509Certificate(pem));
  } catch (cause) {
    throw fail('cannot be read', cause);
  }
  // The device's clock may be wrong (P19), and then the controller's certificate would be refused before this: what is
  // judged here is the name and the key, at a moment within the life of the leaf.
  const moment = Math.min(Math.max(rules.now, Date.parse(leaf.validFrom)), Date.parse(leaf.validTo) - 1);
  const verdict = checkLeaf(leaf, {
    trustDomain: rules.trustDomain,
    roles: ['device'],
    id: rules.device,
    now: moment,
  });
  if (!verdict.ok) throw fail(`is not acceptable: ${verdict.reason}`);
  if (verdict.jkt !== rules.jkt) throw fail('is for another key');
  if (!leaf.checkIssued(issuer) || !leaf.verify(issuer.publicKey)) throw fail('is not signed by the chain beside it');
  const top = new X509Certificate(issued.chain.at(-1)!);
  if (!roots.some((root) => top.checkIssued(root) && top.verify(root.publicKey))) throw fail('leads to no root');
  const known = new Set(rules.knownRoots.map((pem) => new X509Certificate(pem).fingerprint256));
  if (!roots.some((root) => known.has(root.fingerprint256)))
    throw fail('comes with a bundle that drops every known root');
}
