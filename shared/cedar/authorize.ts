/**
 * Cedar's answer: a forbid that is satisfied denies, else a permit that is satisfied allows, else it is denied. A policy
 * that errs is skipped and reported. (What Postern decides on top of it is stricter: `controller/policy/decide.ts`.)
 */
import type { Ask } from './ask.ts';
import type { Policy } from './compile-policy.ts';
import { EvaluationError } from './evaluation-error.ts';
import type { ScopeIndex } from './scope-index.ts';

export interface PolicyFailure {
  readonly policy: Policy;
  readonly error: EvaluationError;
}

export interface Answer {
  readonly decision: 'allow' | 'deny';
  /** The satisfied forbids of a deny, the satisfied permits of an allow, none when nothing permits. In no order. */
  readonly determining: readonly Policy[];
  readonly errors: readonly PolicyFailure[];
}

/** Every policy in scope is evaluated, so that the answer names all that determine it. */
export function authorize(index: ScopeIndex, ask: Ask): Answer {
  const permits: Policy[] = [];
  const forbids: Policy[] = [];
  const errors: PolicyFailure[] = [];
  for (const policy of index.inScope(ask)) {
    try {
      if (policy.holds(ask)) (policy.effect === 'permit' ? permits : forbids).push(policy);
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error;
      errors.push({ policy, error });
    }
  }
  if (forbids.length > 0) return { decision: 'deny', determining: forbids, errors };
  return { decision: permits.length > 0 ? 'allow' : 'deny', determining: permits, errors };
}
