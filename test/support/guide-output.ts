/** Compares what a guide shows with what was printed. Ids, traces, times and ages may be others; everything else may not. */

/** Each stands for anything of its own form. */
const volatile = [
  /\b(?:dev|draft|ses|gw)_[a-z0-9]{8,}\b/,
  /\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b/,
  /\b[0-9a-f]{64}\b|\b[0-9a-f]{32}\b|\b(?=[a-f0-9]*[0-9])[0-9a-f]{8}\b/,
  /\b(?:a moment|\d[\d,]* (?:ms|s|min|h|days?)) (?:ago|before|more)\b/,
  /\bafter \d+ ms\b/,
];
const anyVolatile = new RegExp(volatile.map(({ source }) => `(?:${source})`).join('|'), 'g');

/** Widths of columns follow the ids in them. */
const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/ {2,}/g, ' +');

/** A line of three dots stands for any lines. */
function patternOf(line: string): string {
  if (line === '...') return '(?:.*\\n)*?';
  let pattern = '';
  let at = 0;
  for (const { 0: found, index } of line.matchAll(anyVolatile)) {
    const own = volatile.find((form) => new RegExp(`^(?:${form.source})$`).test(found))!;
    pattern += `${escaped(line.slice(at, index))}(${own.source})`;
    at = index + found.length;
  }
  return `${pattern}${escaped(line.slice(at).trimEnd())} *\\n`;
}

const blank = (text: string): string => text.replaceAll(anyVolatile, '<...>').replace(/ {2,}/g, '  ');

export interface Compared {
  readonly same: boolean;
  /** What the guide calls each id, and what it is here. */
  readonly names: ReadonlyMap<string, string>;
  /** Both without what may differ, to be shown. */
  readonly found: string;
  readonly wanted: string;
}

export function compareOutput(expected: readonly string[], printed: string): Compared {
  const match = new RegExp(`^${expected.map(patternOf).join('')}$`).exec(printed);
  const own = expected.filter((line) => line !== '...').flatMap((line) => line.match(anyVolatile) ?? []);
  const names = new Map(match === null ? [] : own.map((name, at) => [name, match[at + 1]!] as const));
  return { same: match !== null, names, found: blank(printed), wanted: blank(`${expected.join('\n')}\n`) };
}
