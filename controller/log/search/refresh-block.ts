/** Takes places out of a block in the file, and puts in what the records there are now: after a prune or an erasure. */
import type { BlockHead } from './block.ts';
import type { IndexFile } from './index-file.ts';
import type { Placed } from './placed.ts';
import { addPlaces, countShared, decodePlaces, emptyBits, encodePlaces } from './position-set.ts';
import { termRows } from './read-terms.ts';
import { termsOf } from './terms.ts';

/** A block without a record goes. */
export function refreshBlock(
  file: IndexFile,
  { first, span }: BlockHead,
  places: readonly number[],
  now: readonly Placed[],
): void {
  const out = emptyBits(span);
  addPlaces(out, places);
  const changed = new Map<string, number[]>();
  for (const { term, places: kept } of termRows(file.sql, first)) {
    if (countShared(out, kept) === 0) continue;
    const left = decodePlaces(kept).filter((place) => ((out[place >>> 5]! >>> (place & 31)) & 1) === 0);
    changed.set(term, left);
  }
  const times = file.terms.times(first, span);
  for (const place of places) times[place] = 0;
  for (const { position, record } of now) {
    times[position - first] = record.time;
    for (const term of termsOf(record)) {
      const known = changed.get(term) ?? decodePlaces(file.terms.get(first, term)?.places ?? new Uint8Array(1));
      changed.set(term, known);
      known.push(position - first);
    }
  }
  file.sql.transaction(() => {
    for (const [term, left] of changed) {
      file.sql.run('DELETE FROM terms WHERE block = ? AND term = ?', first, term);
      left.sort((a, b) => a - b);
      if (left.length > 0)
        file.sql.run('INSERT INTO terms VALUES (?, ?, ?, ?)', first, term, left.length, encodePlaces(left, span));
    }
    const there = times.filter((time) => time > 0);
    if (there.length === 0) return file.remove(first);
    let [minTime, maxTime] = [there[0]!, there[0]!];
    for (const time of there) {
      minTime = Math.min(minTime, time);
      maxTime = Math.max(maxTime, time);
    }
    const { n } = file.sql.get<{ n: number }>('SELECT COUNT(*) AS n FROM terms WHERE block = ?', first)!;
    file.sql.run(
      'UPDATE blocks SET count = ?, terms = ?, min_time = ?, max_time = ?, times = ? WHERE first = ?',
      there.length,
      n,
      minTime,
      maxTime,
      bytesOf(times),
      first,
    );
  });
}

export const bytesOf = (times: Float64Array) => new Uint8Array(times.buffer, times.byteOffset, times.byteLength);
