/** The part of the policy that only the gateway can judge: the residual rules of the grant, for this very request (P7, P10). */
import { grantAllows } from '../grants/allows.ts';
import { type Gate, refuse } from './ask.ts';

export const requestRulesGate: Gate = ({ kind, address, found }) => {
  const { claims, rules, app, canonical } = found;
  if (claims === undefined) return refuse('grant-missing');
  if (app === undefined) return refuse('app-mismatch');
  if (kind !== 'connect' && canonical === undefined) return refuse('request-refused');
  const { verdict, policies } = grantAllows(claims, rules, { request: canonical, address, app });
  found.policies = policies;
  return verdict === 'allow' ? undefined : refuse(verdict);
};
