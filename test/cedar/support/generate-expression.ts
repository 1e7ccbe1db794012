/** Expressions of every construct, mostly of the type that is wanted, so that evaluation gets deep before it errs. */
import type { Expr, PatternPart, ValueJson } from '#shared/cedar/policy-json.ts';
import type { Choices } from './choices.ts';
import {
  generateDatetime,
  generateDecimal,
  generateDuration,
  generateIp,
  generateLong,
  generateText,
  generateType,
  generateUid,
  letters,
  names,
} from './generate-literals.ts';

export const types = [
  'bool',
  'long',
  'string',
  'entity',
  'set',
  'record',
  'decimal',
  'ip',
  'datetime',
  'duration',
] as const;
export type Type = (typeof types)[number];

const value = (held: ValueJson): Expr => ({ Value: held });

/** `depth`: how many operators may still stand inside each other. */
export function generateExpression(c: Choices, wanted: Type, depth: number): Expr {
  const type = c.oneIn(14) ? c.pick(types) : wanted;
  if (depth <= 0) return leaf(c, type);
  const makers = [...operators(c, type, depth), () => leaf(c, type)];
  // The first choice is the simplest.
  return c.oneIn(8) ? anyOperator(c, type, depth) : makers.toReversed()[c.below(makers.length)]!();
}

function leaf(c: Choices, type: Type): Expr {
  // Contexts mostly have a member of each type, by the type's name.
  if (c.oneIn(4)) return { '.': { left: { Var: 'context' }, attr: type } };
  switch (type) {
    case 'bool':
      return value(c.pick([true, false]));
    case 'long':
      return value(generateLong(c));
    case 'string':
      return value(generateText(c));
    case 'entity':
      return c.oneIn(3)
        ? value({ __entity: { ...generateUid(c) } })
        : { Var: c.pick(['principal', 'resource', 'action']) };
    case 'set':
      return { Set: c.some(3, () => leaf(c, c.pick(types))) };
    case 'record':
      return c.oneIn(2) ? { Var: 'context' } : { Record: record(c, () => leaf(c, c.pick(types))) };
    case 'decimal':
      return { decimal: [value(generateDecimal(c))] };
    case 'ip':
      return { ip: [value(generateIp(c))] };
    case 'datetime':
      return { datetime: [value(generateDatetime(c))] };
    case 'duration':
      return { duration: [value(generateDuration(c))] };
  }
}

function record<V>(c: Choices, make: () => V): Record<string, V> {
  return Object.fromEntries(c.some(3, () => [c.pick(names), make()] as const));
}

/** Whatever may have any type: a choice between two, or a part of something. */
function anyOperator(c: Choices, type: Type, depth: number): Expr {
  const inner = (of: Type) => generateExpression(c, of, depth - 1);
  return c.pick<() => Expr>([
    () => ({ '.': { left: { Var: 'context' }, attr: c.pick(names) } }),
    () => ({ '.': { left: inner('record'), attr: c.pick(names) } }),
    () => ({ '.': { left: inner('entity'), attr: c.pick(names) } }),
    () => choice(inner('bool'), inner(type), inner(type)),
    () => ({ getTag: { left: inner('entity'), right: c.oneIn(2) ? value(c.pick(names)) : inner('string') } }),
    // A record with the wanted member: what is taken out is what was put in.
    () => ({
      '.': { left: { Record: { a: inner(type), ...record(c, () => inner(c.pick(types))) } }, attr: c.pick(names) },
    }),
  ])();
}

function operators(c: Choices, type: Type, depth: number): (() => Expr)[] {
  const inner = (of: Type) => generateExpression(c, of, depth - 1);
  const two =
    (operator: string, left: Type, right = left) =>
    (): Expr => ({
      [operator]: { left: inner(left), right: inner(right) },
    });
  const one = (operator: string, arg: Type) => (): Expr => ({ [operator]: { arg: inner(arg) } });
  const call =
    (name: string, ...args: Type[]) =>
    (): Expr => ({
      // Now and then one argument too many: an error when it is evaluated. Without any it would not parse.
      [name]: [...args, ...(c.oneIn(25) ? (['long'] as const) : [])].map(inner),
    });
  const ordered = () => c.pick(['long', 'long', 'datetime', 'duration', 'decimal'] as const);
  const compared = (operator: string) => () => {
    const of = ordered();
    return two(operator, of)();
  };
  const same = (operator: string) => () => {
    const of = c.pick(types);
    return two(operator, of, c.oneIn(8) ? c.pick(types) : of)();
  };
  switch (type) {
    case 'bool':
      return [
        ...['&&', '||', '&&', '||'].map((operator) => two(operator, 'bool')),
        ...['==', '!='].map(same),
        ...['<', '<=', '>', '>='].map(compared),
        one('!', 'bool'),
        two('in', 'entity'),
        () => ({ in: { left: inner('entity'), right: { Set: c.some(4, () => inner('entity')) } } }),
        () => ({ is: { left: inner('entity'), entity_type: generateType(c) } }),
        () => ({ is: { left: inner('entity'), entity_type: generateType(c), in: inner(c.pick(['entity', 'set'])) } }),
        () => ({ has: { left: inner(c.pick(['record', 'entity'])), attr: c.pick(names) } }),
        () => ({
          has: { left: inner(c.pick(['record', 'entity'])), attr: ['a', ...c.some(2, () => c.pick(['a', 'b', 'c']))] },
        }),
        () => ({ like: { left: inner('string'), pattern: pattern(c) } }),
        () => ({ hasTag: { left: inner('entity'), right: c.oneIn(2) ? value(c.pick(names)) : inner('string') } }),
        () => ({ contains: { left: inner('set'), right: inner(c.pick(types)) } }),
        two('containsAll', 'set'),
        two('containsAny', 'set'),
        one('isEmpty', 'set'),
        ...['lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual'].map((name) =>
          call(name, 'decimal', 'decimal'),
        ),
        ...['isIpv4', 'isIpv6', 'isLoopback', 'isMulticast'].map((name) => call(name, 'ip')),
        call('isInRange', 'ip', 'ip'),
        call('isInRange', 'ip', 'ip'),
      ];
    case 'long':
      return [
        ...['+', '-', '*'].map((operator) => two(operator, 'long')),
        one('neg', 'long'),
        () => ({ neg: { arg: value(generateLong(c)) } }),
        ...['toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays'].map((name) => call(name, 'duration')),
      ];
    case 'set':
      return [() => ({ Set: c.some(4, () => inner(c.pick(types))) }), () => setOf(c, inner)];
    case 'record':
      return [() => ({ Record: record(c, () => inner(c.pick(types))) })];
    case 'decimal':
      return [call('decimal', 'string')];
    case 'ip':
      return [call('ip', 'string')];
    case 'datetime':
      return [
        call('datetime', 'string'),
        call('offset', 'datetime', 'duration'),
        call('toDate', 'datetime'),
        () => farMoment(c),
      ];
    case 'duration':
      return [call('duration', 'string'), call('durationSince', 'datetime', 'datetime'), call('toTime', 'datetime')];
    default:
      return [];
  }
}

/** Near the first or the last that 64 bits hold. */
function farMoment(c: Choices): Expr {
  const far = c.pick(['9223372036854775807ms', '-9223372036854775808ms', '-9223372036854775807ms']);
  const day = c.pick(['1970-01-01', '1970-01-02', '1969-12-31']);
  return { offset: [{ datetime: [value(day)] }, { duration: [value(far)] }] };
}

// Put together in this way for a linter that takes every `then` for a promise.
const choice = (test: Expr, ...[then, otherwise]: [Expr, Expr]): Expr => ({
  'if-then-else': Object.fromEntries([
    ['if', test],
    ['then', then],
    ['else', otherwise],
  ]),
});

function setOf(c: Choices, inner: (type: Type) => Expr): Expr {
  const type = c.pick(types);
  return { Set: c.some(4, () => inner(type)) };
}

function pattern(c: Choices): PatternPart[] {
  return c.some(c.oneIn(10) ? 30 : 5, () => (c.below(2) === 0 ? 'Wildcard' : { Literal: c.pick(letters) }));
}
