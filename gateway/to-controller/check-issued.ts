/** What the controller issued is kept only if it is ours: our key, our name, our trust domain, a chain to a known root. */
import { type KeyObject, X509Certificate } from 'node:crypto';
import { PosternError } from '#shared/base/errors.ts';
import { checkLeaf } from '#shared/crypto/check-leaf.ts';
import { keyThumbprint } from '#shared/crypto/keys.ts';

export interface Issued {
  readonly certificate: string;
  readonly chain: readonly string[];
  readonly bundle: readonly string[];
  readonly trustDomain: string;
}

/** Throws `bad-answer`. `roots`: those trusted so far, one of which must stay. */
export function checkIssued(
  issued: Issued,
  expected: {
    readonly gateway: string;
    readonly publicKey: KeyObject;
    readonly now: number;
    readonly roots: readonly string[];
    readonly trustDomain?: string;
  },
): void {
  const fail = (why: string, cause?: unknown) =>
    new PosternError('bad-answer', `the certificate that was issued ${why}`, { cause });
  if (expected.trustDomain !== undefined && expected.trustDomain !== issued.trustDomain) {
    throw fail('is of another trust domain');
  }
  const verdict = checkLeaf(readCertificate(issued.certificate, fail), {
    trustDomain: issued.trustDomain,
    roles: ['gateway'],
    id: expected.gateway,
    now: expected.now,
  });
  if (!verdict.ok) throw fail(`is not acceptable: ${verdict.reason}`);
  if (verdict.jkt !== keyThumbprint(expected.publicKey)) throw fail('is for another key');
  let below = readCertificate(issued.certificate, fail);
  for (const pem of issued.chain) {
    const above = readCertificate(pem, fail);
    if (!below.checkIssued(above) || !below.verify(above.publicKey)) throw fail('has a chain that does not hold');
    below = above;
  }
  const known = new Set(expected.roots.map((pem) => readCertificate(pem, fail).fingerprint256));
  const roots = issued.bundle.map((pem) => readCertificate(pem, fail));
  if (!roots.some((root) => below.checkIssued(root) && below.verify(root.publicKey))) throw fail('leads to no root');
  if (!roots.some((root) => known.has(root.fingerprint256))) throw fail('comes with none of the known roots');
}

function readCertificate(pem: string, fail: (why: string, cause?: unknown) => PosternError): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw fail('cannot be read', cause);
  }
}
