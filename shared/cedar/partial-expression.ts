/**
 * An expression evaluated as far as it can be while members of the context are unknown. What is left over is an expression
 * that looks at nothing but those members, and that has the same value, or errs, whenever the whole would have.
 *
 * So nothing that could err is ever simplified away (P7): `x && false` stays as it is while `x` is not known, unless it is
 * known that `x` will be a boolean.
 */
import type { Ask } from './ask.ts';
import { compileExpression } from './compile-expression.ts';
import { termsOf } from './compile-logic.ts';
import { EvaluationError } from './evaluation-error.ts';
import { isSurelyBoolean, type Shape } from './never-errs.ts';
import { operandShape } from './operand-shape.ts';
import type { Expr } from './policy-json.ts';
import { toExpr } from './value-to-expr.ts';
import type { Value } from './values.ts';

/** What is left to be evaluated. */
export class Residual {
  readonly expr: Expr;

  constructor(expr: Expr) {
    this.expr = expr;
  }
}

export type Outcome = Value | Residual | EvaluationError;

export type EvaluatePartly = (ask: Ask) => Outcome;

/** What is not known yet. */
export interface Unknown {
  /** Members of the context that are not looked at in `ask`, and that will be there in the end. */
  readonly names: ReadonlySet<string>;
  /** What is in them for certain. Only with it can a term be left out, where another decides whatever it is. */
  readonly shape?: Shape;
}

/**
 * Undefined when the expression does not look at what is unknown. `expr` has been compiled before, so that its shape and
 * depth are known to be right.
 */
export function compilePartly(expr: Expr, unknown: Unknown): EvaluatePartly | undefined {
  const [name, held] = Object.entries(expr)[0]!;
  const { names } = unknown;
  const path = memberOfContext(expr);
  if (path !== undefined) return names.has(path.names[0]!) ? lookAtMember(path) : undefined;
  if (name === 'Var') return held === 'context' && names.size > 0 ? wholeContext(names) : undefined;
  const isChain = name === '&&' || name === '||';
  const { operands, rebuild } = operandShape(expr);
  const inner = isChain ? (termsOf(name, held) as Expr[]) : operands;
  const looks = inner.map((operand) => compilePartly(operand, unknown));
  if (looks.every((look) => look === undefined)) return undefined;
  const parts = looks.map((look, at) => look ?? evaluateKnown(inner[at]!));
  if (isChain) return chain(name, parts, unknown.shape ?? noShape);
  if (name === 'if-then-else') return choose(parts, rebuild);
  if (name === 'is' && parts.length === 2) return isIn(expr, parts, rebuild);
  return strict(parts, rebuild);
}

function evaluateKnown(expr: Expr): EvaluatePartly {
  const { evaluate } = compileExpression(expr, { nodes: 0 });
  return (ask) => {
    try {
      return evaluate(ask);
    } catch (error) {
      if (error instanceof EvaluationError) return error;
      throw error;
    }
  };
}

interface ContextPath {
  readonly operator: '.' | 'has';
  readonly names: readonly string[];
}

function memberOfContext(expr: Expr): ContextPath | undefined {
  for (const operator of ['.', 'has'] as const) {
    const { left, attr } = (expr[operator] ?? {}) as { left?: Expr; attr: string | readonly string[] };
    if (left?.['Var'] === 'context') return { operator, names: typeof attr === 'string' ? [attr] : attr };
  }
  return undefined;
}

const contextMember = (name: string): Expr => ({ '.': { left: { Var: 'context' }, attr: name } });

function lookAtMember({ operator, names: [first = '', ...rest] }: ContextPath): EvaluatePartly {
  const member = contextMember(first);
  if (operator === '.') return () => new Residual(member);
  // It will be there, by what the caller promises; what is in it is not known.
  return () => (rest.length === 0 ? true : new Residual({ has: { left: member, attr: rest } }));
}

function wholeContext(unknown: ReadonlySet<string>): EvaluatePartly {
  return ({ context: { members } }) => {
    const names = [...new Set([...members.keys(), ...unknown])].sort();
    const exprOf = (name: string) => (unknown.has(name) ? contextMember(name) : toExpr(members.get(name)!));
    return new Residual({ Record: Object.fromEntries(names.map((name) => [name, exprOf(name)])) });
  };
}

/** An expression that errs wherever it is evaluated. */
const failing: Expr = { '!': { arg: { Value: 0 } } };

function exprOf(outcome: Outcome): Expr {
  if (outcome instanceof Residual) return outcome.expr;
  return outcome instanceof EvaluationError ? failing : toExpr(outcome);
}

/** All operands are evaluated: one that errs is an error of the whole, whatever the others are. */
function strict(parts: readonly EvaluatePartly[], rebuild: (operands: readonly Expr[]) => Expr): EvaluatePartly {
  return (ask) => {
    const outcomes = parts.map((part) => part(ask));
    const error = outcomes.find((outcome) => outcome instanceof EvaluationError);
    if (error !== undefined) return error;
    const whole = rebuild(outcomes.map(exprOf));
    return outcomes.some((outcome) => outcome instanceof Residual) ? new Residual(whole) : evaluateKnown(whole)(ask);
  };
}

const noShape: Shape = new Map();

function chain(operator: '&&' | '||', parts: readonly EvaluatePartly[], shape: Shape): EvaluatePartly {
  const decides = operator === '||';
  return (ask) => {
    const left: Expr[] = [];
    for (const part of parts) {
      const outcome = part(ask);
      if (outcome === !decides) continue;
      if (left.length === 0 && !(outcome instanceof Residual))
        return outcome === decides || outcome instanceof EvaluationError ? outcome : notBoolean;
      // None of the terms before it can err, and whatever they are, this one decides.
      if (outcome === decides && left.every((term) => isSurelyBoolean(term, shape))) return decides;
      left.push(typeof outcome === 'boolean' || outcome instanceof Residual ? exprOf(outcome) : failing);
      // Nothing that comes later is evaluated: this decides, or errs, if no earlier term does.
      if (!(outcome instanceof Residual)) break;
    }
    const [first] = left;
    if (first === undefined) return !decides;
    // A term alone is the chain only if it is a boolean or errs: in a chain another type is an error.
    if (left.length === 1 && !isBoolean(first)) left.push({ Value: !decides });
    return new Residual(left.reduce((all, term) => ({ [operator]: { left: all, right: term } })));
  };
}

const notBoolean = new EvaluationError('type', 'type error: expected bool');

const booleanOperators: ReadonlySet<string> = new Set([
  ...['&&', '||', '!', '==', '!=', '<', '<=', '>', '>=', 'in', 'is', 'has', 'like', 'hasTag'],
  ...['contains', 'containsAll', 'containsAny', 'isEmpty'],
  ...['lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual'],
  ...['isIpv4', 'isIpv6', 'isLoopback', 'isMulticast', 'isInRange'],
]);

const isBoolean = (expr: Expr): boolean => booleanOperators.has(Object.keys(expr)[0]!);

function choose(
  [test, then, otherwise]: readonly EvaluatePartly[],
  rebuild: (parts: readonly Expr[]) => Expr,
): EvaluatePartly {
  return (ask) => {
    const tested = test!(ask);
    if (tested instanceof EvaluationError) return tested;
    if (tested instanceof Residual)
      return new Residual(rebuild([tested.expr, exprOf(then!(ask)), exprOf(otherwise!(ask))]));
    if (typeof tested !== 'boolean') return notBoolean;
    return (tested ? then : otherwise)!(ask);
  };
}

/** `x is T in y` looks at `y` only when `x` is of the type. */
function isIn(
  expr: Expr,
  [left, group]: readonly EvaluatePartly[],
  rebuild: (parts: readonly Expr[]) => Expr,
): EvaluatePartly {
  const { entity_type } = expr['is'] as { entity_type: string };
  return (ask) => {
    const entity = left!(ask);
    if (entity instanceof EvaluationError) return entity;
    if (entity instanceof Residual) return new Residual(rebuild([entity.expr, exprOf(group!(ask))]));
    const isOfType = evaluateKnown({ is: { left: toExpr(entity), entity_type } })(ask);
    if (isOfType !== true) return isOfType;
    const within = group!(ask);
    if (within instanceof EvaluationError) return within;
    const whole = { in: { left: toExpr(entity), right: exprOf(within) } };
    return within instanceof Residual ? new Residual(whole) : evaluateKnown(whole)(ask);
  };
}
