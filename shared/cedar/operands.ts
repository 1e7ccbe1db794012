/** The shapes that operands have in the JSON form, checked before anything is compiled. */
import type { One, Two } from './policy-json.ts';
import { refuse } from './refuse.ts';

/** An object with just these members, and perhaps the optional ones. Throws `policy-invalid` for anything else. */
export function membersOf(
  operand: unknown,
  needed: readonly string[],
  optional: readonly string[] = [],
): Readonly<Record<string, unknown>> {
  if (typeof operand !== 'object' || operand === null || Array.isArray(operand))
    throw refuse('An operand is no object.');
  const names = Object.keys(operand);
  const fits =
    needed.every((name) => names.includes(name)) &&
    names.every((name) => needed.includes(name) || optional.includes(name));
  if (!fits) throw refuse(`An operand has the members ${names.join(', ').slice(0, 200)}, not ${needed.join(', ')}.`);
  return operand as Readonly<Record<string, unknown>>;
}

export const twoOf = (operand: unknown): Two => membersOf(operand, ['left', 'right']) as unknown as Two;

export const oneOf = (operand: unknown): One => membersOf(operand, ['arg']) as unknown as One;

export function textOf(value: unknown): string {
  if (typeof value !== 'string' || !value.isWellFormed()) throw refuse('A name is no well-formed text.');
  return value;
}

export function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw refuse('A list is none.');
  return value;
}

/** An object with one member: its name and what it holds. */
export function onlyMember(value: unknown): readonly [name: string, held: unknown] {
  const entries = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
  if (entries.length !== 1) throw refuse('An expression is no object with one member.');
  return entries[0]!;
}
