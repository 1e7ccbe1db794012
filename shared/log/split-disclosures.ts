/** A list of disclosures taken apart with as little reading of JSON as is safe: who hashes millions has no time for more. */
import type { Disclosure } from './disclosures.ts';

export interface SplitDisclosure {
  /** As it was hashed. */
  readonly text: string;
  readonly name: string;
  readonly value: unknown;
}

/** `["`, 22 characters of salt, `","`. */
const nameAt = 2 + 22 + 3;

/**
 * Of a list as it was written. Between two disclosures stands `],["`, and in no string: a quote in there has a backslash before it. Where
 * it stands in a nested value, what is cut there is no JSON by itself, and the whole list is read instead. Throws SyntaxError.
 */
export function splitDisclosures(list: string): SplitDisclosure[] {
  if (list === '[]') return [];
  if (!list.startsWith('[["') || !list.endsWith(']')) return readAll(list);
  const pieces = list.slice(1, -1).split('],["');
  const last = pieces.length - 1;
  const found: SplitDisclosure[] = [];
  for (let at = 0; at <= last; at += 1) {
    const text = `${at === 0 ? '' : '["'}${pieces[at]}${at === last ? '' : ']'}`;
    const split = readPlain(text) ?? readOne(text);
    if (split === undefined) return readAll(list);
    found.push(split);
  }
  return found;
}

/** A value that is a string without anything escaped needs no parser. */
function readPlain(text: string): SplitDisclosure | undefined {
  const nameEnd = text.indexOf('","', nameAt);
  if (nameEnd < 0 || text.slice(nameAt - 3, nameAt) !== '","' || !text.endsWith('"]') || text.includes('\\')) {
    return undefined;
  }
  const value = text.slice(nameEnd + 3, -2);
  const name = text.slice(nameAt, nameEnd);
  return value.includes('"') || name.includes('"') || text.indexOf('"', 2) !== nameAt - 3
    ? undefined
    : { text, name, value };
}

function readOne(text: string): SplitDisclosure | undefined {
  try {
    const [, name, value] = JSON.parse(text) as Disclosure;
    return { text, name, value };
  } catch {
    return undefined;
  }
}

const readAll = (list: string): SplitDisclosure[] =>
  (JSON.parse(list) as Disclosure[]).map((one) => ({ text: JSON.stringify(one), name: one[1], value: one[2] }));
