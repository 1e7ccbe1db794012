/** The part of the policy that only the gateway can judge: the residual rules of the grant, for this very request (P7). */
import { grantAllows } from '../grants/allows.ts';
import { type Gate, refuse } from './ask.ts';

export const requestRulesGate: Gate = ({ kind, address, found }) => {
  const { claims, app, canonical } = found;
  if (claims === undefined) return refuse('grant-missing');
  if (app === undefined) return refuse('app-mismatch');
  if (kind !== 'connect' && canonical === undefined) return refuse('request-refused');
  const verdict = grantAllows(claims, app, { request: canonical, address });
  return verdict === 'allow' ? undefined : refuse(verdict);
};
