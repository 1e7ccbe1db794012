/** A search as the index answers it: clauses that must all hold, each an alternative of terms. */
import type { Network } from './address-terms.ts';
import { wideDigits } from './address-terms.ts';
import type { Filter } from './filter.ts';
import type { Phrase } from './free-text.ts';
import { cutTerm, field, maxTerm, pathDepth, traceDigits, wordFields } from './terms.ts';

/** All terms from `low` to `high`, both inclusive, or all that begin with `prefix`. */
export type Range = { readonly low: string; readonly high: string } | { readonly prefix: string };

export interface Clause {
  readonly ranges: readonly Range[];
  /** Whether it holds for nothing but what is searched for: else the record itself must be looked at. */
  readonly exact: boolean;
}

const one = (term: string): Range => ({ low: term, high: term });
const beginning = (prefix: string): Range => ({ prefix });

export function clausesOf({ whole, status, trace, networks, path, phrases, readings }: Filter): Clause[] {
  const clauses: Clause[] = whole.map(({ name, values }) => {
    const terms = values.map((value) => field[name] + value);
    return {
      ranges: terms.map((term) => one(cutTerm(term))),
      exact: terms.every((term) => term.length < maxTerm),
    };
  });
  if (status.length > 0)
    clauses.push({ ranges: status.map((digits) => beginning(field.status + digits)), exact: true });
  if (trace !== undefined)
    clauses.push({
      ranges: [beginning(field.trace + trace.slice(0, traceDigits))],
      exact: trace.length <= traceDigits,
    });
  if (networks.length > 0) clauses.push({ ranges: networks.map(networkRange), exact: true });
  if (path !== undefined) clauses.push(pathClause(path));
  for (const phrase of phrases) clauses.push(...phraseClauses(phrase, readings));
  return clauses;
}

function networkRange({ low, high, bits }: Network): Range {
  const digits = wideDigits(low);
  const isWide = bits <= digits * 4 && wideDigits(high) === digits;
  return isWide
    ? { low: field.network + low.slice(0, digits), high: field.network + high.slice(0, digits) }
    : { low: field.address + low, high: field.address + high };
}

function pathClause(path: string): Clause {
  const slashes = path.split('/').length - 1;
  const depth = Math.min(slashes, pathDepth);
  const kept = path
    .split('/')
    .slice(0, depth + 1)
    .join('/');
  const term = `${field.path}${depth}${kept}`;
  if (term.length >= maxTerm) return { ranges: [beginning(cutTerm(term))], exact: false };
  return slashes > pathDepth ? { ranges: [one(term)], exact: false } : { ranges: [beginning(term)], exact: true };
}

function phraseClauses({ words, open }: Phrase, readings: boolean): Clause[] {
  return words.map((word, index) => {
    const range = open && index === words.length - 1 ? beginning : one;
    const letters = [field.word, ...(readings ? [field.readWord] : []), ...wordFields.map((name) => field[name])];
    return { ranges: letters.map((letter) => range(letter + word)), exact: words.length === 1 };
  });
}
