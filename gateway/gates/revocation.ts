/** Has it been taken back (P13)? Asked here, and again in the tick that starts the upstream request (P16). */
import type { GrantClaims } from '#shared/contracts/grant.ts';
import type { Revocable } from '../grants/revocation-set.ts';
import { type Gate, refuse } from './ask.ts';

export const revocationGate: Gate = ({ found }, state) => {
  if (found.claims === undefined) return refuse('grant-missing');
  return state.revocations.match(revocableOf(found.claims)) === undefined ? undefined : refuse('grant-revoked');
};

export function revocableOf({ sub, did, sid, app, jti, seen }: GrantClaims): Revocable {
  return { person: sub, device: did, session: sid, app, grant: jti, seen };
}
