/** The tokens of a policy text, as the official engine passes over strings and comments. Whatever is no token is left out. */

export interface Token {
  readonly word: string;
  /** Offset in the text. */
  readonly index: number;
}

const token = /"(?:\\[^\n]|[^"\\])*"|\/\/[^\n\r]*|[A-Za-z_]\w*|\d+|&&|\|\||::|[<>=!]=?|[()[\]{}.,:@+*;"-]/g;

export interface Tokens {
  /** Comments are left out. */
  readonly tokens: readonly Token[];
  /** Where a quote opens a text that nothing closes: no policy can hold that, and what follows it was not read. */
  readonly unclosed?: number;
}

export function policyTokens(text: string): Tokens {
  const tokens: Token[] = [];
  for (const { 0: word, index } of text.matchAll(token)) {
    if (word === '"') return { tokens, unclosed: index };
    if (!word.startsWith('//')) tokens.push({ word, index });
  }
  return { tokens };
}

export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The first place at which these words follow each other; undefined when they stand nowhere. `''` stands for any word. */
export function findWords(tokens: readonly Token[], words: readonly string[]): Span | undefined {
  for (let at = 0; at + words.length <= tokens.length; at += 1) {
    if (!words.every((word, next) => word === '' || tokens[at + next]!.word === word)) continue;
    const last = tokens[at + words.length - 1]!;
    return { start: tokens[at]!.index, end: last.index + last.word.length };
  }
  return undefined;
}

/** `Group::"staff"` as a policy writes it. */
export const entityWords = (type: string, id: string): string[] => [
  ...type.split('::').flatMap((part) => [part, '::']),
  quoted(id),
];

/** Only what JSON and Cedar escape alike is found: for anything else the place of the policy is told. */
export const quoted = (text: string): string => JSON.stringify(text);
