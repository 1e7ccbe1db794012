/** Random numbers that a printed seed brings back. */

export interface Dice {
  readonly seed: string;
  /** From 0 up to but not including `n`. */
  below(n: number): number;
  pick<T>(from: readonly T[]): T;
}

/** mulberry32, seeded by the text's FNV-1a hash. */
export function makeDice(seed: string): Dice {
  let state = 0x811c9dc5;
  for (const character of seed) state = Math.imul(state ^ character.codePointAt(0)!, 0x01000193);
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n: number) => Math.floor(next() * n);
  return { seed, below, pick: (from) => from[below(from.length)]! };
}
