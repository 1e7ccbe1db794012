/** A policy of Cedar's JSON form, made ready to be asked. */
import type { Ask, Evaluate } from './ask.ts';
import { compileExpression } from './compile-expression.ts';
import { compileScope, type Scope } from './compile-scope.ts';
import { asBool } from './expect-type.ts';
import type { ConditionJson, PolicyJson } from './policy-json.ts';
import { refuse } from './refuse.ts';

export interface Policy {
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  readonly scope: Scope;
  /** Whether its conditions hold, once its scope matches. Throws `EvaluationError`. */
  readonly holds: (ask: Ask) => boolean;
}

/** Throws `policy-invalid` for what this engine does not know, and for a template that was not linked. */
export function compilePolicy(id: string, json: PolicyJson): Policy {
  if (json.effect !== 'permit' && json.effect !== 'forbid') throw refuse('A policy neither permits nor forbids.');
  return { id, effect: json.effect, scope: compileScope(json), holds: compileConditions(json.conditions) };
}

function compileConditions(conditions: readonly ConditionJson[]): (ask: Ask) => boolean {
  const spent = { nodes: 0 };
  const terms = conditions.map(({ kind, body }) => {
    if (kind !== 'when' && kind !== 'unless') throw refuse('A condition is neither `when` nor `unless`.');
    return { wanted: kind === 'when', evaluate: compileExpression(body, spent).evaluate };
  });
  const [first] = terms;
  if (first === undefined) return () => true;
  if (terms.length === 1) return isWanted(first.evaluate, first.wanted);
  return (ask) => terms.every(({ evaluate, wanted }) => asBool(evaluate(ask)) === wanted);
}

const isWanted =
  (evaluate: Evaluate, wanted: boolean) =>
  (ask: Ask): boolean =>
    asBool(evaluate(ask)) === wanted;
