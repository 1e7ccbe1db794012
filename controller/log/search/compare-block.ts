/** A block of the file against the same block made anew out of the records: where a record is not found, or found by what it does not say. */
import type { BlockHead, MadeBlock } from './block.ts';
import type { IndexStatements } from './index-statements.ts';
import { decodePlaces, encodePlaces } from './position-set.ts';
import { termRows } from './read-terms.ts';
import { bytesOf } from './refresh-block.ts';
import { everyTerm, field } from './terms.ts';

export interface BlockFault {
  /** Of the record; absent for what is about the whole block. */
  readonly position?: number;
  /** Names fields, never their values: they may be somebody's (P34). */
  readonly what: string;
}

/** At most so many of one block are told. */
const most = 20;

/** `skip`: places that are about to be refreshed. `more`: faults beyond those that are told. */
export function compareBlock(
  sql: IndexStatements,
  head: BlockHead,
  made: MadeBlock,
  skip: (place: number) => boolean,
): { faults: BlockFault[]; more: number } {
  const { first, span } = head;
  const faults: BlockFault[] = [];
  let more = 0;
  const tell = (what: string, place?: number) => {
    if (place !== undefined && skip(place)) return;
    if (faults.length < most) faults.push({ ...(place === undefined ? {} : { position: first + place }), what });
    else more += 1;
  };
  let skipped = false;
  let rows = 0;
  const seen = new Set<string>();
  for (const { term, n, places } of termRows(sql, first)) {
    rows += 1;
    seen.add(term);
    const expected = made.placesOf(term);
    if (n === expected.length && Buffer.compare(places, encodePlaces(expected, span)) === 0) continue;
    const before = faults.length + more;
    const kept = new Set(decodePlaces(places));
    const wanted = new Set(expected);
    for (const place of wanted) if (!kept.has(place)) tell(`it is not found by ${named(term)}`, place);
    for (const place of kept)
      if (!wanted.has(place)) tell(`it is found by ${named(term)}, and says nothing such`, place);
    const told = faults.length + more > before;
    skipped ||= !told;
    if (n !== kept.size || places.length !== encodePlaces([...kept], span).length)
      tell(`${named(term)} is counted ${n} times and stands ${kept.size} times`);
  }
  for (const term of made.terms()) {
    if (seen.has(term)) continue;
    for (const place of made.placesOf(term)) {
      if (skip(place)) skipped = true;
      else tell(`it is not found by ${named(term)}`, place);
    }
  }
  const times = sql.get<{ times: Uint8Array }>('SELECT times FROM blocks WHERE first = ?', first)?.times;
  const expected = made.times();
  if (times?.length !== span * 8) tell('the times of the block are not whole');
  else if (Buffer.compare(times, bytesOf(expected)) !== 0) {
    const kept = new Float64Array(times.slice().buffer);
    for (let place = 0; place < span; place++)
      if (kept[place] !== expected[place]) {
        if (skip(place)) skipped = true;
        else tell('its time is another one', place);
      }
  }
  // What is about to be refreshed changes these too.
  if (!skipped && faults.length === 0) {
    const is = made.head;
    for (const name of ['count', 'terms', 'minTime', 'maxTime'] as const)
      if (head[name] !== is[name]) tell(`the block says ${head[name]} for ${name} and has ${is[name]}`);
    if (rows !== head.terms) tell(`the block has ${rows} terms and says ${head.terms}`);
  }
  return { faults, more };
}

const names = new Map<string, string>(Object.entries(field).map(([name, letter]) => [letter, name]));

const named = (term: string): string =>
  term === everyTerm ? 'any search' : (names.get(term.slice(0, 1)) ?? 'what is no field');
