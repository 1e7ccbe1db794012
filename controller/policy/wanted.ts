/** What a comparison wants of a fact, in words, and whether the fact is so. Numbers have the unit of their fact. */
import { Datetime } from '#shared/cedar/ext-datetime.ts';
import { IpAddr, parseIpAddr } from '#shared/cedar/ext-ipaddr.ts';
import { CedarSet, type Value } from '#shared/cedar/values.ts';
import { never } from '#shared/contracts/policy-schema.ts';
import type { Comparison, Literal, Operator } from './comparisons.ts';

const seconds = ['session.secondFactorAge', 'session.signInAge', 'device.screenLockSeconds'];

/** `10,800 s`, `14 days`, `09:00`, `never`. */
export function showLiteral(path: string, value: Literal): string {
  if (typeof value !== 'number') return String(value).slice(0, 200);
  if (path === 'time.minuteOfDay') return showMinute(value);
  if (path === 'time.weekday') return weekdays[value - 1] ?? String(value);
  const isAge = path === 'session.secondFactorAge' || path === 'session.signInAge';
  if (isAge && value >= never) return 'never';
  const unit = seconds.includes(path) ? ' s' : path === 'device.patchAgeDays' ? ' days' : '';
  return `${value.toLocaleString('en-US')}${unit}`;
}

const weekdays = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

function showMinute(value: number): string {
  if (!Number.isInteger(value) || value < 0 || value > 1440) return String(value);
  const two = (part: number) => String(part).padStart(2, '0');
  return `${two(Math.floor(value / 60))}:${two(value % 60)}`;
}

/** What holds where a comparison does not. */
export const opposite: Readonly<Record<string, string>> = {
  '<': '>=',
  '<=': '>',
  '>': '<=',
  '>=': '<',
  '==': '!=',
  '!=': '==',
};

/** `< 900 s`, `true`, `in 10.0.0.0/8`, `with otp`; turned round where it should not hold. */
export function showWanted({ path, operator, literals, wanted }: Comparison): string {
  const list = literals.map((literal) => showLiteral(path, literal)).join(', ');
  const should = wanted !== false;
  const text = wordsOf(operator, list, literals.length, should);
  return wanted === undefined ? `compared: ${text}` : text;
}

function wordsOf(operator: Operator, list: string, count: number, should: boolean): string {
  switch (operator) {
    case 'is':
      return String(should);
    case 'in':
    case 'not in':
      return `${should === (operator === 'in') ? 'in' : 'not in'} ${list}`;
    case 'contains':
      return `${should ? 'with' : 'without'} ${list}`;
    case 'containsAny':
      return `${should ? 'with' : 'without'} ${count > 1 ? 'any of ' : ''}${list}`;
    default:
      return `${should ? operator : opposite[operator]} ${list}`;
  }
}

/** Undefined when it cannot be told: no value, another type, or nothing certain is wanted. */
export function isMet(comparison: Comparison, value: Value | undefined): boolean | undefined {
  const { wanted } = comparison;
  if (value === undefined || wanted === undefined) return undefined;
  const does = holds(comparison, value);
  return does === undefined ? undefined : does === wanted;
}

function holds({ operator, literals }: Comparison, value: Value): boolean | undefined {
  if (value instanceof IpAddr) return holdsAddress(operator, literals, value);
  if (value instanceof CedarSet) {
    const has = (literal: Literal) => value.has(literal);
    return operator === 'contains' ? literals.every(has) : literals.some(has);
  }
  if (operator === 'is') return value === true;
  if (operator === 'in') return literals.includes(value as Literal);
  const [literal] = literals;
  if (operator === '==' || operator === '!=') return (value === literal) === (operator === '==');
  const left = value instanceof Datetime ? Number(value.ms) : value;
  const right = value instanceof Datetime ? Date.parse(String(literal)) : literal;
  if (typeof left !== 'number' || typeof right !== 'number' || Number.isNaN(right)) return undefined;
  if (operator === '<') return left < right;
  if (operator === '<=') return left <= right;
  return operator === '>' ? left > right : operator === '>=' ? left >= right : undefined;
}

function holdsAddress(operator: Operator, literals: readonly Literal[], value: IpAddr): boolean | undefined {
  try {
    const ranges = literals.map((literal) => parseIpAddr(String(literal)));
    if (operator === 'in') return ranges.some((range) => value.isInRange(range));
    const same = ranges.some(({ key }) => key === value.key);
    return operator === '==' ? same : operator === '!=' ? !same : undefined;
  } catch {
    return undefined;
  }
}
