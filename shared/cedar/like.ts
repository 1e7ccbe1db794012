/**
 * `like`: literals that stand apart by wildcards. Each literal is looked for from where the one before it ended, and the
 * first place is as good as any later one, so that nothing is ever tried twice.
 *
 * Cedar matches code points; looking for a well-formed text in a well-formed text finds whole code points only.
 */
import type { PatternPart } from './policy-json.ts';

export interface Pattern {
  /** What stands before the first wildcard, between two, and after the last; one literal when there is no wildcard. */
  readonly literals: readonly string[];
}

export function readPattern(parts: readonly PatternPart[]): Pattern {
  const literals = [''];
  for (const part of parts) {
    if (part === 'Wildcard') literals.push('');
    else literals[literals.length - 1] += part.Literal;
  }
  // Wildcards in a row are one.
  return { literals: literals.filter((text, at) => text !== '' || at === 0 || at === literals.length - 1) };
}

export function matchesPattern(text: string, { literals }: Pattern): boolean {
  const first = literals[0]!;
  if (literals.length === 1) return text === first;
  const last = literals.at(-1)!;
  const end = text.length - last.length;
  if (first.length > end || !text.startsWith(first) || !text.endsWith(last)) return false;
  let from = first.length;
  for (let at = 1; at < literals.length - 1; at++) {
    const literal = literals[at]!;
    const found = text.indexOf(literal, from);
    if (found < 0) return false;
    from = found + literal.length;
  }
  return from <= end;
}
