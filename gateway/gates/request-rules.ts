/** The part of the policy that only the gateway can judge: the residual rules of the grant, for this very request (P7). */
import { allows } from '../grants/allows.ts';
import { type Gate, refuse } from './ask.ts';

export const requestRulesGate: Gate = ({ kind, address, found }) => {
  const { claims, canonical } = found;
  if (claims === undefined) return refuse('grant-missing');
  if (kind !== 'connect' && canonical === undefined) return refuse('request-refused');
  // A grant for one use is refused for as long as this gateway cannot remember a use through a restart (P18).
  if (claims.use !== 'many') return refuse('rules-unknown');
  const verdict = allows(claims.rules, { request: canonical, address });
  return verdict === 'allow' ? undefined : refuse(verdict);
};
