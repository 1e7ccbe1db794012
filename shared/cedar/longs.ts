/**
 * Cedar's Long, exact at 64 bits. A Long is a JavaScript number while it is a safe integer, and a bigint beyond: each
 * value has one form, so that `===` compares, and everyday arithmetic stays in numbers.
 */
import { EvaluationError } from './evaluation-error.ts';

export type Long = number | bigint;

const most = 2n ** 63n - 1n;
const least = -(2n ** 63n);
const mostSafe = BigInt(Number.MAX_SAFE_INTEGER);

/** What a Long has at most, once its leading zeros are gone: texts with more are not worth a conversion. */
export const maxLongDigits = 19;

/** The Long of this value; undefined when it is beyond 64 bits. */
export function toLong(value: bigint): Long | undefined {
  if (value >= -mostSafe && value <= mostSafe) return Number(value);
  return value > most || value < least ? undefined : value;
}

type Arithmetic = '+' | '-' | '*';
const words: Record<Arithmetic, string> = { '+': 'add', '-': 'subtract', '*': 'multiply' };

/** Throws `EvaluationError` when the result is beyond 64 bits. */
export function calculate(operator: Arithmetic, a: Long, b: Long): Long {
  if (typeof a === 'number' && typeof b === 'number') {
    const near = operator === '+' ? a + b : operator === '-' ? a - b : a * b;
    // A product that rounds to a safe integer is exact. Adding zero makes of -0 the 0 that it is.
    if (Number.isSafeInteger(near)) return near + 0;
  }
  const [x, y] = [BigInt(a), BigInt(b)];
  const exact = toLong(operator === '+' ? x + y : operator === '-' ? x - y : x * y);
  if (exact !== undefined) return exact;
  throw new EvaluationError(
    'overflow',
    `integer overflow while attempting to ${words[operator]} the values \`${a}\` and \`${b}\``,
  );
}

/** Throws `EvaluationError` for the one Long whose opposite is beyond 64 bits. */
export function negate(value: Long): Long {
  if (typeof value === 'number') return 0 - value;
  const exact = toLong(-value);
  if (exact === undefined)
    throw new EvaluationError('overflow', `integer overflow while attempting to negate the value \`${value}\``);
  return exact;
}

/** Rounds down; `divisor` is positive. */
export function floorDivide(value: Long, divisor: number): Long {
  if (typeof value === 'number') return Math.floor(value / divisor) + 0;
  const by = BigInt(divisor);
  const quotient = value / by;
  return toLong(value < 0n && quotient * by !== value ? quotient - 1n : quotient)!;
}

/** Rounds towards zero; `divisor` is positive. */
export function truncateDivide(value: Long, divisor: number): Long {
  return typeof value === 'number' ? Math.trunc(value / divisor) + 0 : toLong(value / BigInt(divisor))!;
}
