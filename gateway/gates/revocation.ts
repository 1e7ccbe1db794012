/** Has it been taken back (P13)? Asked here, and again in the tick that starts the upstream request (P16). */
import type { GrantClaims } from '#shared/contracts/grant.ts';
import type { Revocable } from '../grants/revocation-set.ts';
import type { GatewaySnapshot } from '../state/snapshot.ts';
import { type Gate, refuse } from './ask.ts';
import { renewLater } from './renew-later.ts';

export const revocationGate: Gate = ({ found }, state, at) => {
  if (found.claims === undefined) return refuse('grant-missing');
  if (!isRevoked(found.claims, state)) return undefined;
  return refuse('grant-revoked', renewLater(found.claims.jti, state, at));
};

export const isRevoked = (claims: GrantClaims, { revocations }: Pick<GatewaySnapshot, 'revocations'>): boolean =>
  revocations.size > 0 && revocations.match(revocableOf(claims)) !== undefined;

export function revocableOf({ sub, did, sid, app, jti, seen }: GrantClaims): Revocable {
  return { person: sub, device: did, session: sid, app, grant: jti, seen };
}
