/**
 * The decision. The engine (`shared/cedar/`) evaluates as Cedar says; what stands around it is stricter (P7): a forbid that
 * could not be evaluated forbids, a permit that could not be evaluated does not permit, and whatever is left over is a deny.
 */
import { type Answer, authorize } from '#shared/cedar/authorize.ts';
import type { ScopeIndex } from '#shared/cedar/scope-index.ts';
import type { Reason } from '#shared/contracts/reasons.ts';
import { askOf } from './ask-of.ts';
import type { Question } from './facts.ts';
import { policiesInScope } from './in-scope.ts';
import { type PolicySet, readsPart } from './policy-set.ts';

export interface Verdict {
  readonly verdict: 'allow' | 'deny';
  readonly reasons: readonly Reason[];
  /** Names of the policies that determined it. */
  readonly policies: readonly string[];
  /** What went wrong while evaluating, for admins and the log. */
  readonly errors: readonly string[];
}

/** `set` undefined: no policy version is in force. */
export function decide(set: PolicySet | undefined, question: Question): Verdict {
  if (set === undefined) return deny('policy-unavailable');
  return evaluate(set.index, question);
}

function evaluate(index: ScopeIndex, question: Question): Verdict {
  const standing = findStanding(question);
  if (standing !== undefined) return deny(standing);
  let answer: Answer;
  try {
    answer = authorize(index, askOf(question));
  } catch (error) {
    return deny('policy-error', [], [String(error)]);
  }
  const errors = answer.errors.map(({ policy, error }) => `${policy.id}: ${error.message}`);
  const failed = answer.errors.filter(({ policy }) => policy.effect === 'forbid').map(({ policy }) => policy.id);
  if (failed.length > 0) return deny('policy-error', failed, errors);
  const policies = answer.determining.map(({ id }) => id);
  if (answer.decision === 'deny' && policies.length > 0) return deny('policy-forbid', policies, errors);
  if (answer.decision === 'allow' && policies.length > 0)
    return { verdict: 'allow', reasons: ['policy-permit'], policies: policies.toSorted(), errors };
  return deny('no-permit', [], errors);
}

/** True when the verdict depends on the request and none is given: only `couldAllow` has an answer then. */
export function needsRequest(set: PolicySet | undefined, question: Question): boolean {
  if (set === undefined || question.act !== 'request' || question.request !== undefined) return false;
  return readsPart(policiesInScope(set, question), 'request');
}

/**
 * Whether some request could be allowed, when none is given: for lists and explanations, never for a grant. A deny is
 * certain, an allow says "perhaps".
 */
export function couldAllow(set: PolicySet | undefined, question: Question): Verdict {
  if (set === undefined || !needsRequest(set, question)) return decide(set, question);
  return evaluate(set.assumed, question);
}

function deny(reason: Reason, policies: readonly string[] = [], errors: readonly string[] = []): Verdict {
  return { verdict: 'deny', reasons: [reason], policies: policies.toSorted(), errors };
}

/** What must hold before any policy is asked, in this order. */
export function findStanding({ facts: { person, device, session }, at }: Question): Reason | undefined {
  if (person.state !== 'active') return 'person-not-active';
  if (device.state !== 'active') return 'device-not-active';
  if (session === null || at >= session.endsAt) return 'session-required';
  if (person.groups === null) return 'groups-unreadable';
  return undefined;
}
