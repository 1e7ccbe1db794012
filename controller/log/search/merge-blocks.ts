/** Makes one large block of the small ones in a stretch, so that a term is looked up few times. */
import type { BlockHead } from './block.ts';
import type { IndexFile } from './index-file.ts';
import { decodePlaces, encodePlaces } from './position-set.ts';
import { readHeads, termRows } from './read-terms.ts';

/**
 * A stretch with more different terms stays in small blocks: whoever asks for ever new paths makes it some slower to search, and no block
 * that does not fit into memory. Usual ones have a quarter of it.
 */
export const mostTerms = 1_000_000;

/** The first position of small blocks that fill a large stretch, if there are. */
export function mergeable(file: IndexFile, most = mostTerms): number | undefined {
  const { small, large } = file.spans;
  const through = Number(file.state('through') ?? 0);
  const row = file.sql.get<{ stretch: number }>(
    `SELECT first - first % ? AS stretch FROM blocks WHERE span = ? GROUP BY stretch
     HAVING SUM(terms) <= ? AND stretch + ? <= ? ORDER BY stretch LIMIT 1`,
    large,
    small,
    most,
    large - 1,
    through,
  );
  return row?.stretch;
}

export function mergeBlocks(file: IndexFile, first: number): void {
  const { large } = file.spans;
  const heads = readHeads(file.sql).filter((head) => head.first >= first && head.first < first + large);
  const terms = new Map<string, number[]>();
  const times = new Float64Array(large);
  for (const head of heads) {
    const shift = head.first - first;
    times.set(file.terms.times(head.first, head.span), shift);
    for (const { term, places } of termRows(file.sql, head.first)) {
      const known = terms.get(term) ?? [];
      if (known.length === 0) terms.set(term, known);
      for (const place of decodePlaces(places)) known.push(place + shift);
    }
  }
  file.sql.transaction(() => {
    for (const head of heads) file.remove(head.first);
    const rows = [...terms.keys()].sort().map((term): [string, number, Uint8Array] => {
      const places = terms.get(term)!;
      return [term, places.length, encodePlaces(places, large)];
    });
    file.insert(headOf(first, large, heads, terms.size), times, rows);
  });
}

const headOf = (first: number, span: number, heads: readonly BlockHead[], terms: number): BlockHead => ({
  first,
  span,
  count: heads.reduce((sum, { count }) => sum + count, 0),
  terms,
  minTime: Math.min(...heads.map(({ minTime }) => minTime)),
  maxTime: Math.max(...heads.map(({ maxTime }) => maxTime)),
});
