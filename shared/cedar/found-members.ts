/** Members of a record that are found when a policy looks, each once: most policies look at little of what is known. */
import { CedarRecord, type Members, type Value } from './values.ts';

/** Undefined when there is no such member. */
export type Find<From> = (from: From) => Value | undefined;
export type Finders<From> = ReadonlyMap<string, Find<From>>;

export const finders = <From>(facts: Readonly<Record<string, Find<From>>>): Finders<From> =>
  new Map(Object.entries(facts));

export function foundRecord<From>(facts: Finders<From>, from: From): CedarRecord {
  return new CedarRecord(new FoundMembers(facts, from));
}

class FoundMembers<From> implements Members {
  readonly #facts: Finders<From>;
  readonly #from: From;
  readonly #found = new Map<string, Value | undefined>();

  constructor(facts: Finders<From>, from: From) {
    this.#facts = facts;
    this.#from = from;
  }

  get(name: string): Value | undefined {
    let value = this.#found.get(name);
    if (value === undefined) {
      value = this.#facts.get(name)?.(this.#from);
      this.#found.set(name, value);
    }
    return value;
  }

  keys(): string[] {
    return [...this.#facts.keys()].filter((name) => this.get(name) !== undefined);
  }
}
