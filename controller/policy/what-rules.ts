/**
 * What a grant says that the gateway must still judge. If no policy in scope looks at the request or
 * the network, one grant serves every request of the app; else the grant serves exactly what was decided.
 */
import { plainAddress } from '#shared/base/plain-address.ts';
import type { GrantRules, RuleTerm } from '#shared/contracts/grant.ts';
import type { Question } from './facts.ts';
import { policiesInScope } from './in-scope.ts';
import { type PolicySet, readsPart } from './policy-set.ts';

export interface Rules {
  readonly rules: GrantRules;
  readonly scope: 'app' | 'request';
}

/** `question` is allowed. Throws when the policies look at a request that the question lacks: `decide` denies those. */
export function whatRules(set: PolicySet, question: Question): Rules {
  const policies = policiesInScope(set, question);
  const from = readsPart(policies, 'network') ? { from: plainAddress(question.facts.network.address) } : {};
  // A TCP connection has no request: whatever reads one is not in scope of `connect`.
  if (question.act === 'connect' || !readsPart(policies, 'request'))
    return { scope: 'app', rules: { v: 1, permits: [{ all: true, ...from }], forbids: [] } };
  if (question.request === undefined) throw new Error('a policy reads the request, and there is none');
  const { method, host, path, query } = question.request;
  return {
    scope: 'request',
    rules: { v: 1, permits: [{ exact: { method, host, path, query }, ...from }], forbids: [] },
  };
}

/** True when something that `before` lets pass is refused by `after` (P14). What cannot be compared counts as narrower. */
export function isNarrower(before: GrantRules, after: GrantRules): boolean {
  const sameForbid = (term: RuleTerm) => before.forbids.some((other) => covers(other, term) && covers(term, other));
  return (
    !before.permits.every((term) => after.permits.some((wider) => covers(wider, term))) ||
    !after.forbids.every(sameForbid)
  );
}

function covers(wider: RuleTerm, term: RuleTerm): boolean {
  if (wider.from !== undefined && wider.from !== term.from) return false;
  if (wider.all === true) return true;
  const [a, b] = [wider.exact, term.exact];
  if (a === undefined || b === undefined || term.all === true) return false;
  return a.method === b.method && a.host === b.host && a.path === b.path && a.query === b.query;
}
