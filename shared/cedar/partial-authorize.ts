/**
 * Cedar's answer while members of the context are unknown: allow or deny where that is certain, and for the rest what is
 * left of each policy that can still matter: it holds, or errs, whenever the whole policy would have.
 */
import type { Ask } from './ask.ts';
import type { PolicyFailure } from './authorize.ts';
import type { Policy } from './compile-policy.ts';
import { EvaluationError } from './evaluation-error.ts';
import { wrongType } from './expect-type.ts';
import { compilePartly, type EvaluatePartly, Residual, type Unknown } from './partial-expression.ts';
import type { ConditionJson, Expr, PolicyJson } from './policy-json.ts';
import type { ScopeIndex } from './scope-index.ts';

export interface PolicyResidual {
  readonly policy: Policy;
  readonly expr: Expr;
}

export interface PartialAnswer {
  readonly decision: 'allow' | 'deny' | 'residual';
  /** Policies that hold whatever the unknown is. */
  readonly satisfied: readonly Policy[];
  /** Policies that err whatever the unknown is. */
  readonly errors: readonly PolicyFailure[];
  readonly residuals: readonly PolicyResidual[];
}

export class PartialPolicies {
  readonly #index: ScopeIndex;
  readonly #jsonOf: (policy: Policy) => PolicyJson;
  readonly #unknown: Unknown;
  readonly #partly = new Map<Policy, EvaluatePartly>();

  /** `jsonOf`: what a policy of the index was compiled from. */
  constructor(index: ScopeIndex, jsonOf: (policy: Policy) => PolicyJson, unknown: Unknown) {
    this.#index = index;
    this.#jsonOf = jsonOf;
    this.#unknown = unknown;
  }

  authorize(ask: Ask): PartialAnswer {
    const satisfied: Policy[] = [];
    const errors: PolicyFailure[] = [];
    const residuals: PolicyResidual[] = [];
    for (const policy of this.#index.inScope(ask)) {
      const outcome = this.#partlyOf(policy)(ask);
      if (outcome === true) satisfied.push(policy);
      else if (outcome instanceof Residual) residuals.push({ policy, expr: outcome.expr });
      else if (outcome instanceof EvaluationError) errors.push({ policy, error: outcome });
      else if (outcome !== false) errors.push({ policy, error: wrongType('bool', outcome) });
    }
    return { decision: decideNow(satisfied, residuals), satisfied, errors, residuals };
  }

  /** Made when it is first asked for: most policies of a set are about other apps. */
  #partlyOf(policy: Policy): EvaluatePartly {
    let partly = this.#partly.get(policy);
    if (partly === undefined) {
      partly = compilePartly(joinConditions(this.#jsonOf(policy).conditions), this.#unknown) ?? holdsWholly(policy);
      this.#partly.set(policy, partly);
    }
    return partly;
  }
}

function holdsWholly({ holds }: Policy): EvaluatePartly {
  return (ask) => {
    try {
      return holds(ask);
    } catch (error) {
      if (error instanceof EvaluationError) return error;
      throw error;
    }
  };
}

function decideNow(satisfied: readonly Policy[], residuals: readonly PolicyResidual[]): PartialAnswer['decision'] {
  const isForbid = ({ effect }: Policy) => effect === 'forbid';
  if (satisfied.some(isForbid)) return 'deny';
  if (satisfied.length > 0) return residuals.some(({ policy }) => isForbid(policy)) ? 'residual' : 'allow';
  return residuals.some(({ policy }) => !isForbid(policy)) ? 'residual' : 'deny';
}

/** All conditions as one expression, which errs when one of them is no boolean. */
function joinConditions(conditions: readonly ConditionJson[]): Expr {
  const terms = conditions.map(({ kind, body }): Expr => (kind === 'when' ? body : { '!': { arg: body } }));
  if (terms.length === 0) return { Value: true };
  return terms.reduce((all, term) => ({ '&&': { left: all, right: term } }));
}
