/**
 * The decision. The official engine evaluates; what stands around it is stricter than Cedar (P7): a forbid that could not
 * be evaluated forbids, a permit that could not be evaluated does not permit, and whatever is left over is a deny.
 */
import { type Entities, type PolicyId, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import type { Reason } from '#shared/contracts/reasons.ts';
import { preparedId, type Subset } from './engine-slots.ts';
import type { Question } from './facts.ts';
import { toContext } from './facts-to-context.ts';
import { policiesInScope, policiesOfApp, type ScopedPolicies } from './in-scope.ts';
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
  const scoped = policiesOfApp(set, question.app, question.act);
  return evaluate(set, question, scoped, scoped);
}

function evaluate(set: PolicySet, question: Question, scoped: ScopedPolicies, subset: Subset): Verdict {
  const standing = findStanding(question);
  if (standing !== undefined) return deny(standing);
  let answer: ReturnType<typeof statefulIsAuthorized>;
  try {
    answer = statefulIsAuthorized({
      ...entitiesOf(question),
      context: toContext(question, scoped.reads),
      preparsedPolicySetId: preparedId(subset),
    });
  } catch (error) {
    return deny('policy-error', [], [String(error)]);
  }
  if (answer.type === 'failure')
    return deny(
      'policy-error',
      [],
      answer.errors.map(({ message }) => message),
    );
  const { decision, diagnostics } = answer.response;
  const errors = diagnostics.errors.map(({ policyId, error }) => `${policyId}: ${error.message}`);
  const isForbid = forbids(set);
  const failed = diagnostics.errors.map(({ policyId }) => policyId).filter(isForbid);
  if (failed.length > 0) return deny('policy-error', failed, errors);
  if (decision === 'deny' && diagnostics.reason.length > 0) return deny('policy-forbid', diagnostics.reason, errors);
  if (decision === 'allow' && diagnostics.reason.length > 0 && !diagnostics.reason.some(isForbid))
    return { verdict: 'allow', reasons: ['policy-permit'], policies: diagnostics.reason.toSorted(), errors };
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
  const scoped = policiesOfApp(set, question.app, question.act);
  return evaluate(set, question, scoped, scoped.assumed);
}

function deny(reason: Reason, policies: readonly string[] = [], errors: readonly string[] = []): Verdict {
  return { verdict: 'deny', reasons: [reason], policies: policies.toSorted(), errors };
}

/** What must hold before any policy is asked, in this order. */
function findStanding({ facts: { person, device, session }, at }: Question): Reason | undefined {
  if (person.state !== 'active') return 'person-not-active';
  if (device.state !== 'active') return 'device-not-active';
  if (session === null || at >= session.endsAt) return 'session-required';
  if (person.groups === null) return 'groups-unreadable';
  return undefined;
}

const forbidNames = new WeakMap<PolicySet, ReadonlySet<PolicyId>>();
function forbids(set: PolicySet): (id: PolicyId) => boolean {
  let names = forbidNames.get(set);
  if (names === undefined) {
    names = new Set(set.policies.filter(({ effect }) => effect === 'forbid').map(({ name }) => name));
    forbidNames.set(set, names);
  }
  return (id) => names.has(id);
}

function entitiesOf({ facts: { person }, app, act }: Question) {
  const principal = { type: 'Person', id: person.id };
  const resource = { type: 'App', id: app.id };
  const entities: Entities = [
    {
      uid: principal,
      attrs: { name: person.name, role: person.role },
      parents: (person.groups ?? []).map((id) => ({ type: 'Group', id })),
    },
    {
      uid: resource,
      attrs: { kind: app.kind, site: app.site },
      parents: app.groups.map((id) => ({ type: 'AppGroup', id })),
    },
  ];
  return { principal, action: { type: 'Action', id: act }, resource, entities };
}
