/** SPIFFE IDs of the three roles (P1), in the strict form of the SPIFFE-ID standard: one name has one spelling. */

export const roles = ['controller', 'gateway', 'device'] as const;
export type Role = (typeof roles)[number];

export interface SpiffeId {
  readonly trustDomain: string;
  readonly role: Role;
  readonly id: string;
}

/** SPIFFE-ID section 2.1: lower case, so that a comparison of bytes is a comparison of names; at most 255 characters. */
const trustDomainPattern = /^[a-z0-9._-]{1,255}$/;
/** SPIFFE-ID section 2.2 allows no percent-encoding; 64 characters are our own bound. */
const segmentPattern = /^[A-Za-z0-9._-]{1,64}$/;
const scheme = 'spiffe://';
const maxLength = 2048;

export function isTrustDomain(text: string): boolean {
  return trustDomainPattern.test(text);
}

/** True for what may stand as the last path segment: not empty, no dot segment. */
function isSpiffeSegment(text: string): boolean {
  return segmentPattern.test(text) && text !== '.' && text !== '..';
}

/** `spiffe://<trust domain>/<role>/<id>`. Throws TypeError for parts that could not be parsed back. */
export function spiffeId(trustDomain: string, role: Role, id: string): string {
  if (!isTrustDomain(trustDomain)) throw new TypeError('not a trust domain');
  if (!roles.includes(role) || !isSpiffeSegment(id)) throw new TypeError('not a role and id of a SPIFFE ID');
  return `${scheme}${trustDomain}/${role}/${id}`;
}

/** Undefined for everything but exactly `spiffe://<trust domain>/<role>/<id>` with one of our three roles. */
export function parseSpiffeId(text: string): SpiffeId | undefined {
  if (text.length > maxLength || !text.startsWith(scheme)) return undefined;
  const parts = text.slice(scheme.length).split('/');
  if (parts.length !== 3) return undefined;
  const [trustDomain, role, id] = parts as [string, string, string];
  if (!isTrustDomain(trustDomain) || !isSpiffeSegment(id)) return undefined;
  const known = roles.find((name) => name === role);
  return known === undefined ? undefined : { trustDomain, role: known, id };
}
