/**
 * What a generator chooses by: a list of numbers, read from the front. When they are used up every further choice is the
 * first, which is the simplest; so a shorter list of smaller numbers makes a simpler case, and fast-check shrinks cases
 * without knowing anything about them.
 */
import fc from 'fast-check';

export class Choices {
  readonly #numbers: readonly number[];
  #at = 0;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  /** From 0 to `count` - 1. */
  below(count: number): number {
    return (this.#numbers[this.#at++] ?? 0) % count;
  }

  /** True once in `count`, never when the numbers are used up. */
  oneIn(count: number): boolean {
    return this.below(count) === count - 1;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** Up to `most` things. */
  some<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }
}

/** `most`: how many choices a case has. */
export function arbitraryChoices(most = 1000): fc.Arbitrary<Choices> {
  return fc.array(fc.nat(0xffff), { maxLength: most, size: 'max' }).map((numbers) => new Choices(numbers));
}
