/**
 * What policies tell employees: the text of `@tell`, and of nothing else (P12). It is told to a person whom some permit of
 * the app could let in, whatever device, session, place and time; to all others an app that tells is as one that is not there.
 */
import { compilePolicy, type Policy } from '#shared/cedar/compile-policy.ts';
import { EvaluationError } from '#shared/cedar/evaluation-error.ts';
import type { Fix } from '#shared/contracts/sign-in.ts';
import { askOf } from './ask-of.ts';
import { assumeContext } from './assume-request.ts';
import type { Question } from './facts.ts';
import type { CompiledPolicy, PolicySet } from './policy-set.ts';

const maxTells = 3;

/** `policies`: those in scope. Told are the forbids that hold, and the permits that do not. */
export function tellsOf(set: PolicySet, policies: readonly CompiledPolicy[], question: Question): Fix[] {
  const telling = policies.filter(({ tell }) => tell !== undefined);
  if (telling.length === 0) return [];
  const ask = askOf(question);
  const isOpen = policies.some((policy) => couldHold(policy, question));
  const holding = new Set(
    set.index
      .inScope(ask)
      .flatMap((policy) => ((policy.effect === 'forbid') === holds(policy, ask) ? [policy.id] : [])),
  );
  const stands = (policy: CompiledPolicy) =>
    holding.has(policy.name) && (policy.effect === 'forbid' ? isOpen : couldHold(policy, question));
  const texts = new Set(telling.filter(stands).map(({ tell = '' }) => tell));
  return [...texts].slice(0, maxTells).map((text) => ({ kind: 'told', text }));
}

/** A forbid that errs forbids; a permit that errs does not permit. */
function holds(policy: Policy, ask: ReturnType<typeof askOf>): boolean {
  try {
    return policy.holds(ask);
  } catch (error) {
    if (error instanceof EvaluationError) return policy.effect === 'forbid';
    throw error;
  }
}

const assumed = new WeakMap<CompiledPolicy, Policy>();

/** Whether a permit could let this person in to this app in the best of cases. */
function couldHold(policy: CompiledPolicy, question: Question): boolean {
  if (policy.effect === 'forbid') return false;
  let best = assumed.get(policy);
  if (best === undefined) {
    best = compilePolicy(policy.name, assumeContext(policy.json as never) as never);
    assumed.set(policy, best);
  }
  return holds(best, askOf(question));
}
