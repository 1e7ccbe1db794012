/** Comparisons, arithmetic, sets, records and `like`: operators on values alone. */
import type { Code, CompileExpression, CompileOperator } from './ask.ts';
import { asLong, asSet, asString, wrongType } from './expect-type.ts';
import { Datetime, Duration } from './ext-datetime.ts';
import { matchesPattern, readPattern } from './like.ts';
import { calculate, type Long, negate } from './longs.ts';
import { listOf, membersOf, oneOf, onlyMember, textOf, twoOf } from './operands.ts';
import type { PatternPart } from './policy-json.ts';
import { refuse } from './refuse.ts';
import { CedarRecord, CedarSet, equals, type Value } from './values.ts';

const two =
  (apply: (left: Value, right: Value) => Value): CompileOperator =>
  (operand, compile) => {
    const { left, right } = twoOf(operand);
    const [a, b] = [compile(left).evaluate, compile(right).evaluate];
    return { evaluate: (ask) => apply(a(ask), b(ask)) };
  };

const one =
  (apply: (value: Value) => Value): CompileOperator =>
  (operand, compile) => {
    const { evaluate } = compile(oneOf(operand).arg);
    return { evaluate: (ask) => apply(evaluate(ask)) };
  };

/** Longs, moments and durations have an order; decimals have functions instead. */
function inOrder(left: Value, right: Value, holds: (a: Long, b: Long) => boolean): boolean {
  if (left instanceof Datetime) {
    if (right instanceof Datetime) return holds(left.ms, right.ms);
    throw wrongType('datetime', right);
  }
  if (left instanceof Duration) {
    if (right instanceof Duration) return holds(left.ms, right.ms);
    throw wrongType('duration', right);
  }
  if (typeof left !== 'number' && typeof left !== 'bigint') throw wrongType('one of [long, datetime, duration]', left);
  return holds(left, asLong(right));
}

const compareBy = (holds: (a: Long, b: Long) => boolean): CompileOperator =>
  two((left, right) => inOrder(left, right, holds));

const calculateBy = (operator: '+' | '-' | '*') => two((a, b) => calculate(operator, asLong(a), asLong(b)));

const like: CompileOperator = (operand, compile) => {
  const { left, pattern } = membersOf(operand, ['left', 'pattern']);
  const { evaluate } = compile(left);
  const ready = readPattern(listOf(pattern).map(partOf));
  return { evaluate: (ask) => matchesPattern(asString(evaluate(ask)), ready) };
};

function partOf(part: unknown): PatternPart {
  if (part === 'Wildcard') return part;
  const [name, literal] = onlyMember(part);
  if (name !== 'Literal') throw refuse('A pattern holds something else than literals and wildcards.');
  return { Literal: textOf(literal) };
}

/** A set of literals is made once. */
const set: CompileOperator = (operand, compile) => {
  const items = listOf(operand).map(compile);
  const values = items.map(({ constant }) => constant);
  if (values.every((value) => value !== undefined)) return constantCode(new CedarSet(values));
  return { evaluate: (ask) => new CedarSet(items.map(({ evaluate }) => evaluate(ask))) };
};

const record: CompileOperator = (operand, compile: CompileExpression) => {
  if (typeof operand !== 'object' || operand === null || Array.isArray(operand)) throw refuse('A record is none.');
  const members = Object.entries(operand).map(([name, expr]) => [textOf(name), compile(expr).evaluate] as const);
  return { evaluate: (ask) => new CedarRecord(new Map(members.map(([name, evaluate]) => [name, evaluate(ask)]))) };
};

export function constantCode(constant: Value): Code {
  return { constant, evaluate: () => constant };
}

export const valueOperators: Readonly<Record<string, CompileOperator>> = {
  '==': two(equals),
  '!=': two((a, b) => !equals(a, b)),
  '<': compareBy((a, b) => a < b),
  '<=': compareBy((a, b) => a <= b),
  '>': compareBy((a, b) => a > b),
  '>=': compareBy((a, b) => a >= b),
  '+': calculateBy('+'),
  '-': calculateBy('-'),
  '*': calculateBy('*'),
  neg: one((value) => negate(asLong(value))),
  like,
  contains: two((all, item) => asSet(all).has(item)),
  containsAll: two((all, some) => holdsEach(asSet(all), asSet(some))),
  containsAny: two((all, some) => holdsAny(asSet(all), asSet(some))),
  isEmpty: one((all) => asSet(all).size === 0),
  Set: set,
  Record: record,
};

function holdsEach(all: CedarSet, some: CedarSet): boolean {
  if (some.size > all.size) return false;
  for (const item of some) if (!all.has(item)) return false;
  return true;
}

function holdsAny(all: CedarSet, some: CedarSet): boolean {
  const [fewer, more] = some.size < all.size ? [some, all] : [all, some];
  for (const item of fewer) if (more.has(item)) return true;
  return false;
}
