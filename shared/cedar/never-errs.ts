/**
 * Whether a residual could err: only one that surely cannot may be left out where its value makes no difference (P7).
 * What is not known here could.
 */
import { compileExpression } from './compile-expression.ts';
import { termsOf } from './compile-logic.ts';
import type { Expr } from './policy-json.ts';

/**
 * The types of what is unknown, by the dotted path in the context (`request.path`): whoever evaluates the residual promises
 * that each is there and of its type.
 */
export type Shape = ReadonlyMap<string, 'string' | 'ipaddr'>;

/** True for an expression that gives a boolean whatever the unknown is. */
export function isSurelyBoolean(expr: Expr, shape: Shape): boolean {
  return typeOf(expr, shape) === 'bool';
}

type Type = 'bool' | 'string' | 'ipaddr' | 'set' | 'other';

/** Undefined for one that could err, and for one whose type is not known. */
function typeOf(expr: Expr, shape: Shape): Type | undefined {
  const path = contextPath(expr);
  if (path !== undefined) return shape.get(path);
  const [name, held] = Object.entries(expr)[0]!;
  const of = (inner: unknown) => typeOf(inner as Expr, shape);
  const { left, right, arg } = held as { left: Expr; right: Expr; arg: Expr };
  switch (name) {
    case 'Value':
      return typeOfLiteral(held);
    case '&&':
    case '||':
      return termsOf(name, held).every((term) => of(term) === 'bool') ? 'bool' : undefined;
    case '!':
      return of(arg) === 'bool' ? 'bool' : undefined;
    case '==':
    case '!=':
      return of(left) !== undefined && of(right) !== undefined ? 'bool' : undefined;
    case 'like':
      return of(left) === 'string' ? 'bool' : undefined;
    case 'contains':
      return of(left) === 'set' && of(right) !== undefined ? 'bool' : undefined;
    case 'containsAll':
    case 'containsAny':
      return of(left) === 'set' && of(right) === 'set' ? 'bool' : undefined;
    case 'Set':
      return (held as Expr[]).every((item) => of(item) !== undefined) ? 'set' : undefined;
    case 'if-then-else':
      return typeOfChoice(held as { if: Expr; then: Expr; else: Expr }, of);
    default:
      return Array.isArray(held) ? typeOfCall(name, expr, held.map(of)) : undefined;
  }
}

function contextPath(expr: Expr): string | undefined {
  const { left, attr } = (expr['.'] ?? {}) as { left?: Expr; attr?: string };
  if (left === undefined) return undefined;
  if (left['Var'] === 'context') return attr;
  const before = contextPath(left);
  return before === undefined ? undefined : `${before}.${attr}`;
}

function typeOfLiteral(value: unknown): Type {
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'string' ? 'string' : 'other';
}

function typeOfChoice(choice: { if: Expr; then: Expr; else: Expr }, of: (expr: Expr) => Type | undefined) {
  const then = of(choice.then);
  return of(choice.if) === 'bool' && then === of(choice.else) ? then : undefined;
}

const ofAddress: ReadonlySet<string> = new Set(['isIpv4', 'isIpv6', 'isLoopback', 'isMulticast', 'isInRange']);

function typeOfCall(name: string, expr: Expr, operands: readonly (Type | undefined)[]): Type | undefined {
  if (ofAddress.has(name)) return operands.every((type) => type === 'ipaddr') ? 'bool' : undefined;
  // A literal of an extension type errs when it is written wrongly, and then it is no constant.
  if (name === 'ip') return compileExpression(expr, { nodes: 0 }).constant === undefined ? undefined : 'ipaddr';
  return undefined;
}
