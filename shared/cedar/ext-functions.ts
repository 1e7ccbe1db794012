/** The functions of the extension types, by name. Each throws `EvaluationError` for an argument of another type. */

import { EvaluationError } from './evaluation-error.ts';
import { asString, wrongType } from './expect-type.ts';
import {
  Datetime,
  Duration,
  durationSince,
  offset,
  parseDatetime,
  parseDuration,
  toDate,
  toTime,
} from './ext-datetime.ts';
import { Decimal, parseDecimal } from './ext-decimal.ts';
import { IpAddr, parseIpAddr } from './ext-ipaddr.ts';
import { truncateDivide } from './longs.ts';
import type { Value } from './values.ts';

export type ExtensionFunction = (args: readonly Value[]) => Value;

const as =
  <T extends Value>(type: abstract new (...args: never[]) => T, name: string) =>
  (value: Value): T => {
    if (value instanceof type) return value;
    throw wrongType(name, value);
  };

const decimal = as(Decimal, 'decimal');
const ip = as(IpAddr, 'ipaddr');
const datetime = as(Datetime, 'datetime');
const duration = as(Duration, 'duration');

const one = <T extends Value>(take: (value: Value) => T, apply: (it: T) => Value) => ({
  count: 1,
  apply: ([it]: readonly Value[]) => apply(take(it!)),
});
const two = <A extends Value, B extends Value>(
  takeFirst: (value: Value) => A,
  takeSecond: (value: Value) => B,
  apply: (a: A, b: B) => Value,
) => ({ count: 2, apply: ([a, b]: readonly Value[]) => apply(takeFirst(a!), takeSecond(b!)) });

const table: Readonly<Record<string, { readonly count: number; readonly apply: ExtensionFunction }>> = {
  decimal: one(asString, parseDecimal),
  lessThan: two(decimal, decimal, (a, b) => a.units < b.units),
  lessThanOrEqual: two(decimal, decimal, (a, b) => a.units <= b.units),
  greaterThan: two(decimal, decimal, (a, b) => a.units > b.units),
  greaterThanOrEqual: two(decimal, decimal, (a, b) => a.units >= b.units),

  ip: one(asString, parseIpAddr),
  isIpv4: one(ip, ({ bits }) => bits === 32),
  isIpv6: one(ip, ({ bits }) => bits === 128),
  isLoopback: one(ip, (it) => it.isLoopback()),
  isMulticast: one(ip, (it) => it.isMulticast()),
  isInRange: two(ip, ip, (it, range) => it.isInRange(range)),

  datetime: one(asString, parseDatetime),
  offset: two(datetime, duration, offset),
  durationSince: two(datetime, datetime, durationSince),
  toDate: one(datetime, toDate),
  toTime: one(datetime, toTime),

  duration: one(asString, parseDuration),
  toMilliseconds: one(duration, ({ ms }) => ms),
  toSeconds: one(duration, ({ ms }) => truncateDivide(ms, 1000)),
  toMinutes: one(duration, ({ ms }) => truncateDivide(ms, 60_000)),
  toHours: one(duration, ({ ms }) => truncateDivide(ms, 3_600_000)),
  toDays: one(duration, ({ ms }) => truncateDivide(ms, 86_400_000)),
};

/** Undefined for a name that is not known. A call with another number of arguments is an error when it is evaluated. */
export function findExtensionFunction(name: string, given: number): ExtensionFunction | undefined {
  if (!Object.hasOwn(table, name)) return undefined;
  const { count, apply } = table[name]!;
  if (given === count) return apply;
  return () => {
    throw new EvaluationError(
      'arguments',
      `wrong number of arguments provided to extension function \`${name}\`: expected ${count}, got ${given}`,
    );
  };
}
