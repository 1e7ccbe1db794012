/**
 * How deep a policy may be. The official engine, which parses and validates, does so by recursion on a stack of fixed size,
 * and what overflows it leaves the whole engine unusable: after one text with 200 parentheses no policy could be published
 * until a restart. So texts are measured before it sees them.
 *
 * Measured on it: parsing breaks between 100 and 200 brackets, evaluating between 200 and 300 links of any chain.
 * The depth here is counted from tokens and never less than the true one: a bracket counts 2, each operator, condition,
 * `if` and dot of a chain 1, for a chain may hang below each of its links.
 */

import type { Token } from './policy-tokens.ts';

export const maxPolicyDepth = 100;
const bracketDepth = 2;

const links: ReadonlySet<string> = new Set(['if', 'when', 'unless', '&&', '||', '+', '-', '*']);
const comparisons: ReadonlySet<string> = new Set(['<', '<=', '>', '>=', '==', '!=', 'in', 'has', 'like', 'is']);

/** What stands between one pair of brackets, as far as it was read. */
class Level {
  #links = 0;
  #dots = 0;
  #mostDots = 0;
  #inner = 0;
  #best = 0;

  /** Of what was closed in it. */
  get depth(): number {
    return Math.max(this.#best, this.chain + this.#inner);
  }

  /** What already stands above whatever is opened in it. */
  get chain(): number {
    return this.#links + this.#mostDots;
  }

  link(): void {
    this.#links += 1;
    this.#dots = 0;
  }

  dot(): void {
    this.#dots += 1;
    this.#mostDots = Math.max(this.#mostDots, this.#dots);
  }

  endChain(): void {
    this.#dots = 0;
  }

  close(inner: Level): void {
    this.#inner = Math.max(this.#inner, inner.depth + bracketDepth);
  }

  /** Items of a list stand beside each other, not below. */
  nextItem(): void {
    this.#best = this.depth;
    this.#links = this.#dots = this.#mostDots = this.#inner = 0;
  }
}

/** Where (an offset in the text) a policy gets deeper than `maxPolicyDepth`; undefined when none does. */
export function findTooDeep(tokens: readonly Token[]): number | undefined {
  let open = [new Level()];
  for (const { word, index } of tokens) {
    const level = open.at(-1)!;
    if (word === '(' || word === '[' || word === '{') open.push(new Level());
    else if (word === ')' || word === ']' || word === '}') {
      if (open.length > 1) open.at(-2)!.close(open.pop()!);
    } else if (word === ';') open = [new Level()];
    else if (word === ',') level.nextItem();
    else if (word === '.') level.dot();
    else if (links.has(word)) level.link();
    else if (comparisons.has(word)) level.endChain();
    const above = open.reduce((sum, { chain }, at) => (at === open.length - 1 ? sum : sum + chain + bracketDepth), 0);
    if (above + open.at(-1)!.depth > maxPolicyDepth) return index;
  }
  return undefined;
}
