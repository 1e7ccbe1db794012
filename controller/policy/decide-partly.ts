/**
 * The decision while the request or the network is not known (P10): a deny where no request could be allowed, else "perhaps",
 * with what is left of each policy that can still matter. As strict as `decide` (P7): a forbid that errs, or that can never be
 * false, forbids; a permit that can never be true permits nothing.
 */
import { canBe } from '#shared/cedar/can-be.ts';
import type { PartialAnswer, PolicyResidual } from '#shared/cedar/partial-authorize.ts';
import type { Expr } from '#shared/cedar/policy-json.ts';
import { askOf } from './ask-of.ts';
import { deny, findStanding, type Verdict } from './decide.ts';
import type { Question } from './facts.ts';
import { policiesInScope } from './in-scope.ts';
import type { UnknownParts } from './partial-sets.ts';
import { type PolicySet, readsPart } from './policy-set.ts';

/**
 * Whether something could be allowed, while what `question` leaves open is unknown: for lists and explanations. A deny is
 * certain, an allow says "perhaps".
 */
export function couldAllow(set: PolicySet | undefined, question: Question): Verdict {
  const { permits: _, forbids: __, ...verdict } = decidePartly(set, question);
  return verdict;
}

/** True when the verdict depends on the request and none is given: then only a part of it can be decided. */
export function needsRequest(set: PolicySet | undefined, question: Question): boolean {
  if (set === undefined || question.act !== 'request' || question.request !== undefined) return false;
  return readsPart(policiesInScope(set, question), 'request');
}

/** What is left of one policy; without `expr` it holds whatever the unknown is. */
export interface LeftOver {
  /** Name of the policy. */
  readonly policy: string;
  readonly expr?: Expr;
}

/** An allow says "perhaps": some permit that is left can come true. */
export interface PartialVerdict extends Verdict {
  readonly permits: readonly LeftOver[];
  readonly forbids: readonly LeftOver[];
}

/**
 * The request is unknown when `question` has none and asks for one (`act`), the network when it says so. `set` undefined: no
 * policy version is in force.
 */
export function decidePartly(set: PolicySet | undefined, question: Question): PartialVerdict {
  if (set === undefined) return certain(deny('policy-unavailable'));
  const standing = findStanding(question);
  if (standing !== undefined) return certain(deny(standing));
  let answer: PartialAnswer;
  try {
    answer = set.partly(unknownOf(question)).authorize(askOf(question));
  } catch (error) {
    return certain(deny('policy-error', [], [String(error)]));
  }
  return judge(answer);
}

function unknownOf({ act, request, networkUnknown }: Question): UnknownParts {
  const noRequest = act === 'request' && request === undefined;
  if (networkUnknown !== true) return noRequest ? 'request' : '';
  return noRequest ? 'request network' : 'network';
}

function judge({ satisfied, errors: failures, residuals }: PartialAnswer): PartialVerdict {
  const errors = failures.map(({ policy, error }) => `${policy.id}: ${error.message}`);
  const failed = failures.filter(({ policy }) => policy.effect === 'forbid').map(({ policy }) => policy.id);
  if (failed.length > 0) return certain(deny('policy-error', failed, errors));
  const certainly = (effect: string) => satisfied.filter((policy) => policy.effect === effect).map(({ id }) => id);
  const left = residuals.filter(({ policy }) => policy.effect === 'forbid');
  const always = left.filter(({ expr }) => !canBe(false, expr)).map(({ policy }) => policy.id);
  const forbidden = [...certainly('forbid'), ...always];
  if (forbidden.length > 0) return certain(deny('policy-forbid', forbidden, errors));
  const possible = residuals.filter(({ policy, expr }) => policy.effect === 'permit' && canBe(true, expr));
  const permits = [...certainly('permit').map((policy) => ({ policy })), ...possible.map(leftOver)];
  if (permits.length === 0) return certain(deny('no-permit', [], errors));
  const policies = permits.map(({ policy }) => policy).toSorted();
  return { verdict: 'allow', reasons: ['policy-permit'], policies, errors, permits, forbids: left.map(leftOver) };
}

const leftOver = ({ policy, expr }: PolicyResidual): LeftOver => ({ policy: policy.id, expr });
const certain = (verdict: Verdict): PartialVerdict => ({ ...verdict, permits: [], forbids: [] });
