/** Keeps a grant within its 1,536 bytes: what only the app wants to see gives way to what the gateway must judge. */
import { PosternError } from '#shared/base/errors.ts';
import { type GrantClaims, type GrantRules, grantType, maxGrantBytes } from '#shared/contracts/grant.ts';

const maxGroups = 16;
const maxName = 100;

/**
 * Cuts `groups` to 16, then drops groups from the end, then the name, until the signed grant fits; then permits beside one that
 * holds for every request, which change no verdict. What could change one is never cut (P11): throws `rules-too-large`, or
 * `request-refused` when it is the one exact request that is too long.
 */
export function fitClaims(claims: GrantClaims, kid: string): GrantClaims {
  const { name, groups = [], ...rest } = claims;
  const shortName = [...(name ?? '')].slice(0, maxName).join('').slice(0, maxName);
  let kept = groups.slice(0, maxGroups);
  for (;;) {
    const fitted = {
      ...rest,
      ...(shortName === '' ? {} : { name: shortName }),
      ...(kept.length === 0 ? {} : { groups: kept }),
    };
    if (fits(fitted, kid)) return fitted;
    if (kept.length === 0) break;
    kept = kept.slice(0, -1);
  }
  if (fits(rest, kid)) return rest;
  const shorter = { ...rest, rules: withoutNeedless(rest.rules) };
  if (fits(shorter, kid)) return shorter;
  const { exact, ...others } = shorter.rules;
  if (exact === undefined || !fits({ ...shorter, rules: others }, kid))
    throw new PosternError('rules-too-large', `the rules take ${bytesOf(shorter.rules)} bytes`);
  throw new PosternError('request-refused', 'an exact request is too long for a grant', {
    tell: 'The address of this request is too long to be granted by itself.',
  });
}

/** Bytes that `rules` take at least, and how many there are for them beside these claims. */
export function measureRules(claims: GrantClaims, kid: string): { readonly bytes: number; readonly room: number } {
  const { name: _, groups: __, rules, ...rest } = claims;
  const empty = { v: rules.v, permits: [], forbids: [] };
  const left = Math.floor(((maxGrantBytes - signedLength({ ...rest, rules: empty }, kid)) * 3) / 4);
  return { bytes: bytesOf(withoutNeedless(rules)), room: left + bytesOf(empty) };
}

function withoutNeedless(rules: GrantRules): GrantRules {
  const certain = rules.permits.filter((term) => term.if === undefined);
  return certain.length === 0 ? rules : { ...rules, permits: certain };
}

const bytesOf = (value: object): number => Buffer.byteLength(JSON.stringify(value));
const fits = (claims: object, kid: string): boolean => signedLength(claims, kid) <= maxGrantBytes;

/** Characters of the compact JWS: base64url without padding is 4 characters for 3 bytes; an ES256 signature is 86. */
function signedLength(claims: object, kid: string): number {
  const header = JSON.stringify({ alg: 'ES256', typ: grantType, kid });
  const encoded = (text: string) => Math.ceil((Buffer.byteLength(text) * 4) / 3);
  return encoded(header) + 1 + encoded(JSON.stringify(claims)) + 1 + 86;
}
