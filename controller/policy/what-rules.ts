/**
 * What a grant says that the gateway must still judge (P10): what is left of each policy that can still matter, in two lists.
 * A question with a request makes a grant for that request alone; one without, for every request of the app but those that
 * are for one use at a time (P18).
 */
import { encodeResidual } from '#shared/cedar/residual-form.ts';
import { type GrantRules, type GrantUse, type RuleTerm, rulesVersion } from '#shared/contracts/grant.ts';
import type { Verdict } from './decide.ts';
import { decidePartly, type LeftOver } from './decide-partly.ts';
import type { Question } from './facts.ts';
import type { PolicySet } from './policy-set.ts';

export interface Ruling {
  readonly verdict: Verdict;
  /** Undefined for a deny. */
  readonly rules: GrantRules | undefined;
  /** `once` when the app wants it, or any permit that may hold says so; without a request, when no grant for many could serve one. */
  readonly use: GrantUse;
}

export function ruleOn(set: PolicySet, question: Question): Ruling {
  const verdict = decidePartly(set, question);
  if (verdict.verdict === 'deny') return { verdict, rules: undefined, use: 'many' };
  const toTerms = (left: readonly LeftOver[]) => left.map((one) => toTerm(set, one)).sort((a, b) => a.p - b.p);
  try {
    const isOnce = ({ policy }: LeftOver) => set.byName.get(policy)!.once;
    const forOne = verdict.permits.filter(isOnce);
    const forbids = toTerms(verdict.forbids);
    if (question.act === 'connect' || question.request !== undefined) {
      const rules = { v: rulesVersion, ...exactly(question), permits: toTerms(verdict.permits), forbids } as const;
      return { verdict, rules, use: question.forOne === true || forOne.length > 0 ? 'once' : 'many' };
    }
    const permits = toTerms(verdict.permits.filter((one) => !isOnce(one)));
    const once = forOne.length === 0 ? {} : { once: toTerms(forOne) };
    const isAll = permits.length === 0 || forOne.some(({ expr }) => expr === undefined);
    return { verdict, rules: { v: rulesVersion, permits, forbids, ...once }, use: isAll ? 'once' : 'many' };
  } catch (error) {
    // A residual that no grant may carry, as one that would look an entity up where there are none.
    const policies = [...verdict.permits, ...verdict.forbids].map(({ policy }) => policy).toSorted();
    return {
      verdict: { verdict: 'deny', reasons: ['policy-error'], policies, errors: [String(error)] },
      rules: undefined,
      use: 'many',
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
