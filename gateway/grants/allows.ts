/**
 * The residual rules of a grant, evaluated for one request (P7): it passes only if some permit is exactly true and every
 * forbid exactly false. Pure. What this gateway does not know is never guessed: `rules-unknown`.
 */
import { plainAddress } from '#shared/base/plain-address.ts';
import type { App } from '#shared/contracts/app.ts';
import type { ExactRequest, GrantClaims, GrantRules, RuleTerm } from '#shared/contracts/grant.ts';
import { isOnceOperation } from '#shared/wire/operations.ts';

export type RulesVerdict = 'allow' | 'rules-refused' | 'rules-unknown' | 'network-mismatch';

/** What rules look at; `request` is undefined for a tunnel, which no term about requests can match. */
export interface RuledRequest {
  readonly request: ExactRequest | undefined;
  /** The network address as the gateway sees it, from `plainAddress`. */
  readonly address: string;
}

/** `elsewhere`: would be true from the address in the term. */
type Truth = 'true' | 'false' | 'elsewhere' | 'unknown';

/** What a grant says to a request of its app. A grant for many serves no request that the app wants granted one by one (P18). */
export function grantAllows(
  { use, rules }: Pick<GrantClaims, 'use' | 'rules'>,
  app: App,
  ruled: RuledRequest,
): RulesVerdict | 'once-needed' {
  const { request } = ruled;
  if (use === 'many' && app.kind === 'http' && request !== undefined && isOnceOperation(app, request))
    return 'once-needed';
  return allows(rules, ruled);
}

const knownMembers = new Set(['all', 'exact', 'from']);

export function allows(rules: GrantRules, ruled: RuledRequest): RulesVerdict {
  if (rules.v !== 1 || !Array.isArray(rules.permits) || !Array.isArray(rules.forbids)) return 'rules-unknown';
  const forbids = rules.forbids.map((term) => judge(term, ruled));
  const permits = rules.permits.map((term) => judge(term, ruled));
  if (forbids.includes('unknown') || permits.includes('unknown')) return 'rules-unknown';
  if (forbids.includes('true')) return 'rules-refused';
  if (permits.includes('true')) return 'allow';
  return permits.includes('elsewhere') ? 'network-mismatch' : 'rules-refused';
}

function judge(term: RuleTerm, { request, address }: RuledRequest): Truth {
  if (typeof term !== 'object' || term === null) return 'unknown';
  for (const member of Object.keys(term)) if (!knownMembers.has(member)) return 'unknown';
  // A term says which requests it means, by exactly one of the two ways.
  if ((term.all === undefined) === (term.exact === undefined)) return 'unknown';
  if (term.all !== undefined && (term.all as unknown) !== true) return 'unknown';
  if (term.exact !== undefined && !isSame(term.exact, request)) return 'false';
  return term.from === undefined || plainAddress(term.from) === address ? 'true' : 'elsewhere';
}

function isSame(exact: ExactRequest, request: ExactRequest | undefined): boolean {
  if (request === undefined) return false;
  // Rules and canonical request both know HEAD only as GET.
  const method = exact.method === 'HEAD' ? 'GET' : exact.method;
  return (
    method === request.method &&
    exact.host === request.host &&
    exact.path === request.path &&
    exact.query === request.query
  );
}
