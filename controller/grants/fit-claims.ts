/** Keeps a grant within its 1,536 bytes: what only the app wants to see gives way to what the gateway must judge. */
import { PosternError } from '#shared/base/errors.ts';
import { type GrantClaims, grantType, maxGrantBytes } from '#shared/contracts/grant.ts';

const maxGroups = 16;
const maxName = 100;

/**
 * Cuts `groups` to 16, then drops groups from the end, then the name, until the signed grant fits. Rules are never cut (P11):
 * throws `rules-too-large`, or `request-refused` when it is the one exact request that is too long.
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
    if (signedLength(fitted, kid) <= maxGrantBytes) return fitted;
    if (kept.length === 0) break;
    kept = kept.slice(0, -1);
  }
  if (signedLength(rest, kid) <= maxGrantBytes) return rest;
  const { exact, ...others } = rest.rules;
  if (exact === undefined || signedLength({ ...rest, rules: others }, kid) > maxGrantBytes)
    throw new PosternError('rules-too-large', `the rules take ${Buffer.byteLength(JSON.stringify(rest.rules))} bytes`);
  throw new PosternError('request-refused', 'an exact request is too long for a grant', {
    tell: 'The address of this request is too long to be granted by itself.',
  });
}

/** Characters of the compact JWS: base64url without padding is 4 characters for 3 bytes; an ES256 signature is 86. */
function signedLength(claims: object, kid: string): number {
  const header = JSON.stringify({ alg: 'ES256', typ: grantType, kid });
  const encoded = (text: string) => Math.ceil((Buffer.byteLength(text) * 4) / 3);
  return encoded(header) + 1 + encoded(JSON.stringify(claims)) + 1 + 86;
}
