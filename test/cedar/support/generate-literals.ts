/** Literals at the edges of what Cedar takes: Longs near their limits, odd texts, and texts of the extension types, right and nearly right. */
import type { EntityJsonUid } from '#shared/cedar/policy-json.ts';
import type { Choices } from './choices.ts';

const limit = 2n ** 63n;
const longs: readonly bigint[] = [
  ...[0n, 1n, -1n, 2n, 3n, 10n, 1000n, 86_400_000n, -86_400_000n],
  ...[limit - 1n, -limit, limit - 2n, -limit + 1n, limit / 2n, -limit / 2n, 3_037_000_499n, 3_037_000_500n],
  ...[2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 31n, 2n ** 32n, -(2n ** 31n)],
];

/** A number while it is safe, else a bigint, as the JSON form has it here. */
export function generateLong(c: Choices): number | bigint {
  const value = c.oneIn(3) ? BigInt(c.below(200)) - 100n : c.pick(longs);
  return value >= -(2n ** 53n) && value <= 2n ** 53n - 1n && Number.isSafeInteger(Number(value))
    ? Number(value)
    : value;
}

export const letters = ['a', 'b', '*', 'é', 'e\u0301', '😀', '\u0000', '"', '\\', 'ﬀ', '\u{10FFFF}', ' ', '.'];

export function generateText(c: Choices): string {
  if (c.oneIn(4)) return c.pick([generateIp, generateDecimal, generateDatetime, generateDuration])(c);
  return c.some(c.oneIn(10) ? 40 : 4, () => c.pick(letters)).join('');
}

export const names = ['a', 'b', 'c', 'd', 'x y', '😀', 'type', 'Value'];

const types = ['U', 'G', 'N::T'];
export const ids = ['a', 'b', 'c', '', '😀"\\'];

export function generateUid(c: Choices): EntityJsonUid {
  if (c.oneIn(6)) return generateAction(c);
  return { type: c.pick(types), id: c.pick(ids) };
}

export const generateType = (c: Choices) => c.pick([...types, 'Action', 'Absent']);

export function generateAction(c: Choices): EntityJsonUid {
  return { type: c.oneIn(6) ? 'N::Action' : 'Action', id: c.pick(['r', 'w', 'all']) };
}

/** Mostly as it should be; now and then one character is taken away, doubled or made another. */
function spoil(c: Choices, text: string): string {
  if (!c.oneIn(6) || text === '') return text;
  const at = c.below(text.length);
  const other = c.pick(['', '0', '1', '9', '.', ':', '-', '+', '/', 'a', 'Z', ' ', '٣', text[at]! + text[at]!]);
  return text.slice(0, at) + other + text.slice(at + 1);
}

export function generateIp(c: Choices): string {
  const part = () => String(c.pick([0, 1, 10, 127, 128, 192, 224, 239, 240, 255, c.below(256), c.below(300)]));
  const group = () => c.pick(['0', '1', 'ff', 'ffff', '00ff', 'FE80', 'ff02', c.below(65_536).toString(16)]);
  const groups = (count: number) => Array.from({ length: count }, group).join(':');
  const prefix = (most: number) =>
    c.oneIn(2) ? `/${c.pick([0, 1, 4, 7, 8, 9, 16, 24, 31, most, most + 1, c.below(most + 1)])}` : '';
  const make = c.pick([
    () => `${Array.from({ length: 4 }, part).join('.')}${prefix(32)}`,
    () => `${groups(8)}${prefix(128)}`,
    () => `${groups(c.below(5))}::${groups(c.below(5))}${prefix(128)}`,
    () =>
      c.pick([
        '127.0.0.1',
        '::1',
        '::',
        '10.0.0.0/8',
        '224.0.0.0/4',
        'ff00::/8',
        '0.0.0.0/0',
        '::/0',
        '::ffff:1.2.3.4',
        '1.2.3.4/08',
      ]),
  ]);
  return spoil(c, make());
}

export function generateDecimal(c: Choices): string {
  const whole = c.pick(['0', '1', '12', '00012', '922337203685477', '922337203685478', String(c.below(100_000))]);
  const part = c.pick(['0', '5', '25', '5807', '5808', '5809', '0001', '00000', String(c.below(10_000))]);
  return spoil(c, `${c.oneIn(2) ? '-' : ''}${whole}.${part}`);
}

export function generateDatetime(c: Choices): string {
  const two = (most: number) => String(c.oneIn(8) ? c.below(100) : c.below(most)).padStart(2, '0');
  const year = c.pick([
    '2024',
    '1970',
    '0000',
    '0001',
    '1900',
    '2000',
    '2023',
    '9999',
    '1969',
    String(c.below(10_000)).padStart(4, '0'),
  ]);
  const day = `${year}-${c.pick(['01', '02', '12', two(13)])}-${c.pick(['01', '28', '29', '30', '31', two(32)])}`;
  if (!c.oneIn(2)) return spoil(c, day);
  const milli = c.oneIn(2) ? `.${String(c.below(1000)).padStart(3, '0')}` : '';
  const zone = c.oneIn(2) ? `${c.pick(['+', '-'])}${two(24)}${two(60)}` : 'Z';
  return spoil(c, `${day}T${two(24)}:${two(60)}:${two(60)}${milli}${zone}`);
}

export function generateDuration(c: Choices): string {
  const number = () =>
    c.pick([String(c.below(100)), '0', '007', '9223372036854775807', '9223372036854775808', '106751991167', '1']);
  const parts = ['ms', 's', 'm', 'h', 'd'].map((unit) => (c.oneIn(3) ? number() + unit : '')).reverse();
  return spoil(c, `${c.oneIn(4) ? '-' : ''}${parts.join('') || `${number()}ms`}`);
}
