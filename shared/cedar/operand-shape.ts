/** The expressions inside an expression, in the order of their evaluation, and how to put others in their place. */
import type { Expr } from './policy-json.ts';

export interface OperandShape {
  readonly operands: readonly Expr[];
  /** As many as `operands`, in their order. */
  readonly rebuild: (operands: readonly Expr[]) => Expr;
}

/** For an expression that was compiled, so that its shape is known to be right. */
export function operandShape(expr: Expr): OperandShape {
  const [name, held] = Object.entries(expr)[0]!;
  if (name === 'Value' || name === 'Var') return { operands: [], rebuild: () => expr };
  if (Array.isArray(held)) return { operands: held as Expr[], rebuild: (operands) => ({ [name]: operands }) };
  const members = held as Readonly<Record<string, unknown>>;
  const names =
    name === 'Record'
      ? Object.keys(members)
      : ['left', 'right', 'arg', 'if', 'then', 'else', 'in'].filter((each) => Object.hasOwn(members, each));
  return {
    operands: names.map((each) => members[each] as Expr),
    rebuild: (operands) => ({
      [name]: { ...members, ...Object.fromEntries(names.map((each, at) => [each, operands[at]])) },
    }),
  };
}
