/** Where blocks can be: one after the other, each at a multiple of its length, none past what the index says to know. Pure. */
import type { BlockHead, Spans } from './block.ts';

/** The first that stands where none can be. */
export function misplaced(heads: readonly BlockHead[], through: number, spans: Spans): BlockHead | undefined {
  let next = 0;
  for (const head of heads) {
    const { first, span } = head;
    const fits = (span === spans.small || span === spans.large) && first % span === 0;
    if (!fits || first < next || first + span - 1 > through) return head;
    next = first + span;
  }
  return undefined;
}

/** Stretches in which no block is, up to `through`, inclusive. */
export function gapsBetween(heads: readonly BlockHead[], through: number): { first: number; last: number }[] {
  const gaps: { first: number; last: number }[] = [];
  let next = 0;
  for (const { first, span } of heads) {
    if (first > next) gaps.push({ first: next, last: first - 1 });
    next = first + span;
  }
  if (through >= next) gaps.push({ first: next, last: through });
  return gaps;
}
