/**
 * The decision. The engine (`shared/cedar/`) evaluates as Cedar says; what stands around it is stricter (P7): a forbid that
 * could not be evaluated forbids, a permit that could not be evaluated does not permit, and whatever is left over is a deny.
 */
import { type Answer, authorize } from '#shared/cedar/authorize.ts';
import type { Reason } from '#shared/contracts/reasons.ts';
import { askOf } from './ask-of.ts';
import type { Question } from './facts.ts';
import type { PolicySet } from './policy-set.ts';

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
  const standing = findStanding(question);
  if (standing !== undefined) return deny(standing);
  let answer: Answer;
  try {
    answer = authorize(set.index, askOf(question));
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

export function deny(reason: Reason, policies: readonly string[] = [], errors: readonly string[] = []): Verdict {
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
