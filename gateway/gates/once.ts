/**
 * P18: a grant for one use is for one request, and for none after it. This gate only looks; the use itself is taken when the request
 * is in the live table, since that waits for the disk (P16): `from-agents/take-use.ts`.
 */
import type { GrantClaims } from '#shared/contracts/grant.ts';
import { type Gate, refuse } from './ask.ts';

export const onceGate: Gate = ({ used, found }) => {
  const { claims } = found;
  if (claims === undefined) return refuse('grant-missing');
  if (claims.use === 'many') return undefined;
  if (!isForOne(claims)) return refuse('rules-unknown');
  return used.has(claims) ? refuse('grant-used') : undefined;
};

/** Exactly one request, or the one host and port of a TCP app: a wider one could be used once for anything. */
export function isForOne({ act, rules }: GrantClaims): boolean {
  return act === 'connect' || rules.exact !== undefined;
}
