/** P9: one spelling for rules, record and app, or no access. A tunnel has no request to spell. */
import { ownPathPrefix } from '#shared/contracts/agent-to-gateway.ts';
import { canonicalRequest } from '#shared/wire/canonical-request.ts';
import { type Gate, refuse } from './ask.ts';

export const canonicalRequestGate: Gate = ({ kind, method, host, url, found }) => {
  if (kind === 'connect') return undefined;
  if (found.app?.kind !== 'http') return refuse('app-mismatch');
  const canonical = canonicalRequest({ method, host, url, app: found.app });
  if (typeof canonical === 'string') return refuse('request-refused', { extra: { reason: canonical } });
  // Spelled plainly it never gets here: the gateway answers it. What spells it in another way is up to something.
  if (`${canonical.path}/`.startsWith(ownPathPrefix))
    return refuse('request-refused', { extra: { reason: 'reserved' } });
  found.canonical = canonical;
  return undefined;
};
