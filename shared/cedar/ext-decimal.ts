/** `decimal`: up to four digits after the point, in 64 bits of ten-thousandths. */
import { EvaluationError } from './evaluation-error.ts';
import { maxLongDigits, toLong } from './longs.ts';
import { Extension } from './values.ts';

const scale = 10_000n;
const form = /^(-?)([0-9]+)\.([0-9]+)$/;

export class Decimal extends Extension {
  readonly typeName = 'decimal';
  /** Ten-thousandths. */
  readonly units: bigint;

  constructor(units: bigint) {
    super();
    this.units = units;
  }

  protected override makeKey(): string {
    return `d${this.units};`;
  }
}

/** Throws `EvaluationError` for a text of another form, more than four digits after the point, or too large a number. */
export function parseDecimal(text: string): Decimal {
  const match = form.exec(text);
  if (match === null) throw new EvaluationError('extension', `\`${text.slice(0, 100)}\` is not a well-formed decimal`);
  const [, sign, whole = '', part = ''] = match;
  if (part.length > 4)
    throw new EvaluationError('extension', `too many digits after the decimal in \`${text.slice(0, 100)}\``);
  const digits = whole.replace(/^0+/, '');
  if (digits.length > maxLongDigits) throw new EvaluationError('extension', 'overflow in a decimal of many digits');
  const size = BigInt(digits) * scale + BigInt(part.padEnd(4, '0'));
  const units = sign === '-' ? -size : size;
  if (toLong(units) === undefined) throw new EvaluationError('extension', `overflow when converting \`${text}\``);
  return new Decimal(units);
}
