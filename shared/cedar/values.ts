/**
 * The values of Cedar. Booleans, strings and Longs are those of JavaScript; the others are immutable objects that are
 * equal when their keys are: one text for each value, whatever order its members were given in.
 *
 * Strings are well-formed Unicode: who makes values from outside sees to it (`values-from-json.ts`).
 */
import type { Long } from './longs.ts';

export type Value = boolean | string | Long | EntityUid | CedarSet | CedarRecord | Extension;

/** Everything that is equal by its key. */
export abstract class Keyed {
  #key: string | undefined;

  /** One text for each value, different for every other value. */
  get key(): string {
    this.#key ??= this.makeKey();
    return this.#key;
  }

  protected abstract makeKey(): string;
}

export class EntityUid extends Keyed {
  readonly type: string;
  readonly id: string;

  constructor(type: string, id: string) {
    super();
    this.type = type;
    this.id = id;
  }

  // A type's name has no quote in it, so that the first one ends it.
  protected override makeKey(): string {
    return `${this.type}::"${this.id}"`;
  }
}

/** The types that come with Cedar as extensions. */
export abstract class Extension extends Keyed {
  abstract readonly typeName: 'decimal' | 'ipaddr' | 'datetime' | 'duration';
}

/** No order, nothing twice. */
export class CedarSet extends Keyed {
  readonly #plain = new Set<boolean | string | Long>();
  readonly #keyed = new Map<string, Keyed>();

  constructor(values: Iterable<Value>) {
    super();
    for (const value of values)
      if (typeof value === 'object') this.#keyed.set(keyOf(value), value);
      else this.#plain.add(value);
  }

  get size(): number {
    return this.#plain.size + this.#keyed.size;
  }

  has(value: Value): boolean {
    return typeof value === 'object' ? this.#keyed.has(keyOf(value)) : this.#plain.has(value);
  }

  *[Symbol.iterator](): Iterator<Value> {
    yield* this.#plain;
    yield* this.#keyed.values() as Iterable<Value & Keyed>;
  }

  protected override makeKey(): string {
    return `{${[...this].map(keyOf).sort().join('')}}`;
  }
}

/** What a record holds: a `Map`, or something that finds its members when they are asked for. */
export interface Members {
  get(name: string): Value | undefined;
  keys(): Iterable<string>;
}

export class CedarRecord extends Keyed {
  readonly members: Members;

  constructor(members: Members) {
    super();
    this.members = members;
  }

  protected override makeKey(): string {
    const names = [...this.members.keys()].sort();
    return `[${names.map((name) => `${keyOf(name)}${keyOf(this.members.get(name)!)}`).join('')}]`;
  }
}

/** Every key tells where it ends, so that keys put together stay different for different values. */
export function keyOf(value: Value): string {
  switch (typeof value) {
    case 'boolean':
      return value ? 'T' : 'F';
    case 'string':
      return `s${value.length}:${value}`;
    case 'object':
      if (value instanceof EntityUid) return `e${value.key.length}:${value.key}`;
      return value.key;
    default:
      return `n${value};`;
  }
}

export function equals(a: Value, b: Value): boolean {
  if (a === b) return true;
  return typeof a === 'object' && typeof b === 'object' && keyOf(a) === keyOf(b);
}

/** As the official engine names types. */
export function typeName(value: Value): string {
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'string';
  if (typeof value !== 'object') return 'long';
  if (value instanceof CedarSet) return 'set';
  if (value instanceof CedarRecord) return 'record';
  return value instanceof EntityUid ? `(entity of type \`${value.type}\`)` : value.typeName;
}
