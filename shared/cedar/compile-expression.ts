/**
 * An expression of Cedar's JSON form to a closure. What is not known here is refused: a policy that this engine cannot
 * read must not be in force. Cost is bounded before anything is evaluated (`cedarLimits`).
 */
import type { Code, CompileExpression, CompileOperator } from './ask.ts';
import { entityOperators } from './compile-entities.ts';
import { logicOperators } from './compile-logic.ts';
import { constantCode, valueOperators } from './compile-values.ts';
import { EvaluationError } from './evaluation-error.ts';
import { type ExtensionFunction, findExtensionFunction } from './ext-functions.ts';
import { listOf, onlyMember } from './operands.ts';
import type { ValueJson } from './policy-json.ts';
import { cedarLimits, refuse } from './refuse.ts';
import type { Value } from './values.ts';
import { valueFromJson } from './values-from-json.ts';

/** What a policy has used of its limits. */
export interface Spent {
  nodes: number;
}

const operators: Readonly<Record<string, CompileOperator>> = {
  ...logicOperators,
  ...valueOperators,
  ...entityOperators,
  Value: (operand) => constantCode(valueFromJson(operand as ValueJson)),
};

/** Throws `policy-invalid` for a construct that is not known, a wrong shape, and too large or too deep an expression. */
export function compileExpression(expr: unknown, spent: Spent, depth = 0): Code {
  spent.nodes += 1;
  if (spent.nodes > cedarLimits.nodes)
    throw refuse(`A policy has more than ${cedarLimits.nodes} operators and literals.`);
  if (depth > cedarLimits.depth)
    throw refuse(`A policy is deeper than ${cedarLimits.depth} operators inside each other.`);
  const compile: CompileExpression = (inner) => compileExpression(inner, spent, depth + 1);
  const [name, operand] = onlyMember(expr);
  if (Object.hasOwn(operators, name)) return operators[name]!(operand, compile);
  const args = Array.isArray(operand) ? listOf(operand) : undefined;
  const apply = args && findExtensionFunction(name, args.length);
  if (args === undefined || apply === undefined) throw refuse(`The construct ${name.slice(0, 100)} is not known.`);
  return call(apply, args.map(compile));
}

/** With literals alone it is done once: an address, a range or a moment in a policy is parsed when it is compiled. */
function call(apply: ExtensionFunction, args: readonly Code[]): Code {
  const values = args.map(({ constant }) => constant);
  if (values.every((value) => value !== undefined)) {
    const constant = tryConstant(() => apply(values));
    if (constant !== undefined) return constantCode(constant);
  }
  return { evaluate: (ask) => apply(args.map(({ evaluate }) => evaluate(ask))) };
}

/** Undefined when it fails: then it fails again, and is in error, whenever it is evaluated. */
function tryConstant(make: () => Value): Value | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof EvaluationError) return undefined;
    throw error;
  }
}
