/** A sample that whoever knows the seed draws again: rows in the order of SHA-256 over seed and row, the first of them. */
import { sha256 } from '#shared/base/bytes.ts';

/** In the order in which they were. Pure. */
export function sampleRows<R>(rows: readonly R[], wanted: number, seed: string): R[] {
  if (rows.length <= wanted) return [...rows];
  const drawn = rows
    .map((row, at) => ({ at, rank: sha256(`${seed}\n${JSON.stringify(row)}`).toString('hex') }))
    .sort((a, b) => (a.rank === b.rank ? a.at - b.at : a.rank < b.rank ? -1 : 1))
    .slice(0, wanted)
    .sort((a, b) => a.at - b.at);
  return drawn.map(({ at }) => rows[at]!);
}
