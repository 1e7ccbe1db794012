/**
 * The smallest set of changes with which something is allowed: all of one, then all of two, and so on, as long as the
 * evaluations last. None of a set can be left out, as every smaller one was tried.
 */
import type { Change } from './change.ts';

export interface SearchLimits {
  /** How often it may be decided. */
  readonly evaluations: number;
  /** How many sets of the same, smallest size are wanted. */
  readonly most: number;
}

export interface Smallest {
  /** Of the same size; those with less work for administrators first. */
  readonly sets: readonly (readonly Change[])[];
  /** False when the search ended before it had tried all: there may be others, or smaller ones. */
  readonly complete: boolean;
}

const maxSize = 6;

/**
 * `changes` in the order in which they are preferred. `enough`: a set that is known to do, if any; when the evaluations do
 * not last, as much is taken away from it as can be.
 */
export function findSmallest(
  changes: readonly Change[],
  allows: (changes: readonly Change[]) => boolean,
  { evaluations, most }: SearchLimits,
  enough?: readonly Change[],
): Smallest {
  const certain = enough === undefined || most > 1 ? undefined : allNeeded(changes, allows, enough);
  if (certain !== undefined) return { sets: [certain], complete: true };
  const largest = Math.min(maxSize, new Set(changes.map(({ slot }) => slot)).size);
  let left = evaluations;
  for (let size = 1; size <= largest; size += 1) {
    if (enough !== undefined && size >= enough.length && most === 1) return { sets: [enough], complete: true };
    const found: (readonly Change[])[] = [];
    for (const set of setsOf(changes, size)) {
      if (left === 0) break;
      left -= 1;
      if (allows(set)) found.push(set);
      if (most === 1 && found.length === 1 && adminsOf(set) === 0) break;
    }
    if (found.length > 0) {
      const sets = onePerSlots(found.toSorted((a, b) => adminsOf(a) - adminsOf(b))).slice(0, most);
      return { sets, complete: left > 0 };
    }
    if (left === 0) return { sets: enough === undefined ? [] : [reduce(enough, allows)], complete: false };
  }
  return { sets: [], complete: true };
}

/**
 * What of `enough` cannot be left out, if that does: nothing smaller can, where better facts never make a verdict worse (P8). In
 * its place what comes before it in its slot, where that does too.
 */
function allNeeded(
  changes: readonly Change[],
  allows: (changes: readonly Change[]) => boolean,
  enough: readonly Change[],
): readonly Change[] | undefined {
  const without = (set: readonly Change[], change: Change) => set.filter((other) => other !== change);
  let needed: readonly Change[] =
    enough.length === 1 ? enough : enough.filter((change) => !allows(without(enough, change)));
  if (needed.length === 0 || (needed.length < enough.length && !allows(needed))) return undefined;
  for (const change of needed)
    for (const other of changes) {
      if (other.slot !== change.slot || other === change) continue;
      const swapped = needed.map((each) => (each === change ? other : each));
      if (changes.indexOf(other) < changes.indexOf(change) && allows(swapped)) {
        needed = swapped;
        break;
      }
    }
  return partThatDoes(needed, allows) ?? needed;
}

/** A policy may be the worse for a better fact: then less can do. Undefined when no part of so few does. */
function partThatDoes(
  set: readonly Change[],
  allows: (changes: readonly Change[]) => boolean,
): readonly Change[] | undefined {
  if (set.length > maxSize) return undefined;
  for (let size = 1; size < set.length; size += 1) for (const part of setsOf(set, size)) if (allows(part)) return part;
  return undefined;
}

const adminsOf = (set: readonly Change[]): number => set.filter(({ by }) => by === 'admin').length;

/** Of sets that change the same in other ways, the first: any of several networks, the nearest of several levels. */
function onePerSlots(sets: readonly (readonly Change[])[]): (readonly Change[])[] {
  const first = new Map<string, readonly Change[]>();
  for (const set of sets) {
    const slots = set.map(({ slot }) => slot).join('\n');
    if (!first.has(slots)) first.set(slots, set);
  }
  return [...first.values()];
}

/** All sets of so many changes, no two of one slot. */
function* setsOf(changes: readonly Change[], size: number, from = 0): Generator<readonly Change[]> {
  if (size === 0) {
    yield [];
    return;
  }
  for (let at = from; at <= changes.length - size; at += 1) {
    const first = changes[at]!;
    for (const rest of setsOf(changes, size - 1, at + 1))
      if (!rest.some(({ slot }) => slot === first.slot)) yield [first, ...rest];
  }
}

/** Until nothing can be left out; of few, no part of it does either. */
function reduce(enough: readonly Change[], allows: (changes: readonly Change[]) => boolean): readonly Change[] {
  let needed = enough;
  for (let again = true; again; ) {
    again = false;
    for (const change of needed) {
      const fewer = needed.filter((other) => other !== change);
      if (fewer.length > 0 && allows(fewer)) {
        needed = fewer;
        again = true;
      }
    }
  }
  return partThatDoes(needed, allows) ?? needed;
}
