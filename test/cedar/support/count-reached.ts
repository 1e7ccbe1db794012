/** Which operators of an expression are evaluated for an ask, and with what end: so that generators are seen to reach them. */
import type { Ask } from '#shared/cedar/ask.ts';
import { compileExpression } from '#shared/cedar/compile-expression.ts';
import { EvaluationError } from '#shared/cedar/evaluation-error.ts';
import type { Expr } from '#shared/cedar/policy-json.ts';
import type { Value } from '#shared/cedar/values.ts';

/** `+ ok`, `+ overflow`: the operator and how it ended, if it was not one of its operands that failed. */
export type Reached = Map<string, number>;

export function countReached(expr: Expr, ask: Ask, reached: Reached): void {
  const [operator, held] = Object.entries(expr)[0]!;
  for (const operand of operandsOf(operator, held, ask)) {
    countReached(operand, ask, reached);
    if (evaluate(operand, ask) instanceof EvaluationError) return;
  }
  const outcome = evaluate(expr, ask);
  const key = `${operator} ${outcome instanceof EvaluationError ? outcome.fault : 'ok'}`;
  reached.set(key, (reached.get(key) ?? 0) + 1);
}

function evaluate(expr: Expr, ask: Ask): Value | EvaluationError {
  try {
    return compileExpression(expr, { nodes: 0 }).evaluate(ask);
  } catch (error) {
    if (error instanceof EvaluationError) return error;
    throw error;
  }
}

/** Those that are evaluated, in their order. */
function operandsOf(operator: string, held: unknown, ask: Ask): Expr[] {
  const { left, right, arg } = (held ?? {}) as Record<string, Expr>;
  switch (operator) {
    case 'Value':
    case 'Var':
      return [];
    case 'Record':
      return Object.values(held as Record<string, Expr>);
    case '&&':
    case '||':
      return evaluate(left!, ask) === (operator === '&&') ? [left!, right!] : [left!];
    case 'if-then-else': {
      const parts = held as { if: Expr; then: Expr; else: Expr };
      const test = evaluate(parts.if, ask);
      return typeof test === 'boolean' ? [parts.if, test ? parts.then : parts.else] : [parts.if];
    }
    case 'is': {
      const { entity_type, in: group } = held as { entity_type: string; in?: Expr };
      const type = evaluate({ is: { left, entity_type } }, ask);
      return group !== undefined && type === true ? [left!, group] : [left!];
    }
    default:
      if (Array.isArray(held)) return held as Expr[];
      return [left, right, arg].filter((operand) => operand !== undefined);
  }
}
