/** `datetime`: milliseconds since 1970, and `duration`: milliseconds. Both in 64 bits, both compared by `<` and its kin. */
import { EvaluationError } from './evaluation-error.ts';
import { calculate, floorDivide, type Long, maxLongDigits, toLong } from './longs.ts';
import { Extension } from './values.ts';

const dayMs = 86_400_000;

export class Datetime extends Extension {
  readonly typeName = 'datetime';
  readonly ms: Long;

  constructor(ms: Long) {
    super();
    this.ms = ms;
  }

  protected override makeKey(): string {
    return `m${this.ms};`;
  }
}

export class Duration extends Extension {
  readonly typeName = 'duration';
  readonly ms: Long;

  constructor(ms: Long) {
    super();
    this.ms = ms;
  }

  protected override makeKey(): string {
    return `u${this.ms};`;
  }
}

export function offset({ ms }: Datetime, by: Duration): Datetime {
  return new Datetime(within(() => calculate('+', ms, by.ms)));
}

export function durationSince({ ms }: Datetime, other: Datetime): Duration {
  return new Duration(within(() => calculate('-', ms, other.ms)));
}

/** The first moment of its day. */
export function toDate({ ms }: Datetime): Datetime {
  return new Datetime(within(() => calculate('*', floorDivide(ms, dayMs), dayMs)));
}

/** The time since the first moment of its day. */
export function toTime({ ms }: Datetime): Duration {
  const time = ((BigInt(ms) % BigInt(dayMs)) + BigInt(dayMs)) % BigInt(dayMs);
  return new Duration(Number(time));
}

function within(compute: () => Long): Long {
  try {
    return compute();
  } catch (error) {
    if (error instanceof EvaluationError) throw new EvaluationError('extension', `overflow: ${error.message}`);
    throw error;
  }
}

const datetimeForm =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{3}))?(?:Z|([+-])([0-9]{2})([0-9]{2})))?$/;

/**
 * `YYYY-MM-DD`, or that with `Thh:mm:ss`, perhaps `.SSS`, and `Z` or `+hhmm`. Throws `EvaluationError` for another form and
 * for a day, time or offset that there is not.
 */
export function parseDatetime(text: string): Datetime {
  const match = text.length <= 28 ? datetimeForm.exec(text) : null;
  if (match === null) throw new EvaluationError('extension', `invalid datetime: ${text.slice(0, 100)}`);
  const [year, month, day, hour, minute, second, milli, , aheadHours, aheadMinutes] = match
    .slice(1)
    .map((part) => Number(part ?? 0)) as [number, number, number, number, number, number, number, ...number[]];
  const [h = 0, m = 0] = [aheadHours, aheadMinutes];
  if (month < 1 || month > 12 || day < 1 || day > daysOf(year, month) || hour > 23 || minute > 59 || second > 59)
    throw new EvaluationError('extension', `invalid date or time: ${text}`);
  if (h > 23 || m > 59) throw new EvaluationError('extension', `invalid offset: ${text}`);
  // Date.UTC takes the years 0 to 99 for 1900 to 1999; four hundred years are a whole number of days.
  const at = Date.UTC(year + 400, month - 1, day, hour, minute, second, milli) - fourCenturies;
  const ahead = (h * 60 + m) * 60_000;
  return new Datetime(match[8] === '-' ? at + ahead : at - ahead);
}

const fourCenturies = 146_097 * dayMs;

function daysOf(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

const durationForm = /^(-?)(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m(?!s))?(?:([0-9]+)s)?(?:([0-9]+)ms)?$/;
const unitMs = [86_400_000n, 3_600_000n, 60_000n, 1000n, 1n] as const;

/** `1d2h3m4s5ms`: at least one part, in this order, perhaps after a minus. Throws `EvaluationError` for everything else. */
export function parseDuration(text: string): Duration {
  const match = text === '' || text === '-' ? null : durationForm.exec(text);
  if (match === null) throw new EvaluationError('extension', `invalid duration: ${text.slice(0, 100)}`);
  const parts = match.slice(2).map((digits = '') => digits.replace(/^0+/, ''));
  if (parts.some(({ length }) => length > maxLongDigits))
    throw new EvaluationError('extension', 'overflow in a duration of many digits');
  const size = unitMs.reduce((sum, unit, at) => sum + unit * BigInt(parts[at] ?? 0), 0n);
  const ms = toLong(match[1] === '-' ? -size : size);
  if (ms === undefined) throw new EvaluationError('extension', `overflow in the duration ${text.slice(0, 100)}`);
  return new Duration(ms);
}
