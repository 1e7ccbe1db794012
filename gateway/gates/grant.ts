/**
 * Is this the controller's word, for this site, this device's key and this moment? In the order: present, shape, class, key
 * known, signature, issuer, audience, binding, times, floor (P14, P16, P19).
 */
import { second } from '#shared/base/clock.ts';
import type { ErrorCode } from '#shared/base/errors.ts';
import { type GrantClaims, grantLife, iatLeeway } from '#shared/contracts/grant.ts';
import type { ReadGrant } from '../grants/grant-cache.ts';
import type { GatewaySnapshot } from '../state/snapshot.ts';
import { type AskingPeer, type Gate, refuse, type Verdict } from './ask.ts';
import { renewLater } from './renew-later.ts';

export const grantGate: Gate = (ask, state, at) => {
  if (ask.grant === undefined) return refuse('grant-missing');
  const read = ask.grants.read(ask.grant, state.keys);
  if (!read.ok) {
    const code = unreadableCode(read, state);
    return refuse(code, code === 'grant-revoked' ? renewLater(ask.grant, state, at) : {});
  }
  const { claims, kid, rules } = read;
  const verdict = judgeClaims(claims, ask.peer, state, at);
  // Known from here on to be the controller's own words, whatever is wrong with them: the record may name them.
  ask.found.claims = claims;
  ask.found.kid = kid;
  ask.found.rules = rules;
  return verdict;
};

/** P20: under a key that was withdrawn nothing counts, and asking again would not help; one that is not known yet will be soon. */
export function unreadableCode(
  { code, kid }: Extract<ReadGrant, { ok: false }>,
  { withdrawn }: Pick<GatewaySnapshot, 'withdrawn'>,
): ErrorCode {
  return code === 'grant-key-unknown' && kid !== undefined && withdrawn.has(kid) ? 'grant-revoked' : code;
}

/** Everything about a verified grant but its rules, its revocation and its use; also for the grants that renew streams (P15). */
export function judgeClaims(
  claims: GrantClaims,
  peer: Pick<AskingPeer, 'id' | 'jkt'> | undefined,
  state: GatewaySnapshot,
  at: number,
): Verdict {
  // Only this controller's keys got here; a restored or renamed organisation has another trust domain all the same.
  if (claims.iss !== `spiffe://${state.trustDomain}`) return refuse('grant-issuer');
  if (claims.aud !== (claims.use === 'once' ? state.gateway : state.site)) return refuse('grant-audience');
  if (peer === undefined || claims.cnf.jkt !== peer.jkt || claims.did !== peer.id) return refuse('grant-binding');
  if (claims.iat * second > at + iatLeeway * second) {
    return refuse('grant-early', { extra: { retryAfterMs: claims.iat * second - at } });
  }
  const life = claims.exp - claims.iat;
  if (life > grantLife.most || life <= 0) return refuse('grant-lifetime');
  if (at >= claims.exp * second) return refuse('grant-expired');
  if (claims.epoch < (state.floors.get(claims.app) ?? 0)) {
    return refuse('grant-below-floor', renewLater(claims.jti, state, at));
  }
  return undefined;
}
