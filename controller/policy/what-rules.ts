/**
 * What a grant says that the gateway must still judge (P10): what is left of each policy that can still matter, in two lists.
 * A question with a request makes a grant for that request alone; one without, for every request of the app.
 */
import { encodeResidual } from '#shared/cedar/residual-form.ts';
import { type GrantRules, type RuleTerm, rulesVersion } from '#shared/contracts/grant.ts';
import type { Verdict } from './decide.ts';
import { decidePartly, type LeftOver } from './decide-partly.ts';
import type { Question } from './facts.ts';
import type { PolicySet } from './policy-set.ts';

export interface Ruling {
  readonly verdict: Verdict;
  /** Undefined for a deny. */
  readonly rules: GrantRules | undefined;
}

export function ruleOn(set: PolicySet, question: Question): Ruling {
  const verdict = decidePartly(set, question);
  if (verdict.verdict === 'deny') return { verdict, rules: undefined };
  const toTerms = (left: readonly LeftOver[]) => left.map((one) => toTerm(set, one)).sort((a, b) => a.p - b.p);
  try {
    const lists = { permits: toTerms(verdict.permits), forbids: toTerms(verdict.forbids) };
    return { verdict, rules: { v: rulesVersion, ...exactly(question), ...lists } };
  } catch (error) {
    // A residual that no grant may carry, as one that would look an entity up where there are none.
    const policies = [...verdict.permits, ...verdict.forbids].map(({ policy }) => policy).toSorted();
    return {
      verdict: { verdict: 'deny', reasons: ['policy-error'], policies, errors: [String(error)] },
      rules: undefined,
    };
  }
}

function exactly({ request }: Question): Pick<GrantRules, 'exact'> {
  if (request === undefined) return {};
  const { method, host, path, query } = request;
  return { exact: { method, host, path, query } };
}

function toTerm(set: PolicySet, { policy, expr }: LeftOver): RuleTerm {
  const p = set.byName.get(policy)!.number;
  return expr === undefined ? { p } : { p, if: encodeResidual(expr) };
}
