/** The trust domain that a root certificate speaks for, from its one URI name (X509-SVID section 2). */
import { X509Certificate } from 'node:crypto';
import { PosternError } from '../base/errors.ts';
import { readLeaf } from './read-leaf.ts';
import { isTrustDomain } from './spiffe.ts';

const scheme = 'spiffe://';

/** `root` as PEM; only for a root that a pin has proven. Throws `peer-refused` when it names no trust domain. */
export function trustDomainOfRoot(root: string): string {
  const uris = readLeaf(new X509Certificate(root).raw)?.uris ?? [];
  const name = uris.length === 1 && uris[0]!.startsWith(scheme) ? uris[0]!.slice(scheme.length) : '';
  if (isTrustDomain(name)) return name;
  throw new PosternError('peer-refused', 'the pinned root names no trust domain');
}
