/** How the blocks in the file of the index are read. */
import type { BlockHead, TermReader } from './block.ts';
import type { Range } from './clauses.ts';
import { IndexDamaged } from './index-damage.ts';
import type { IndexStatements } from './index-statements.ts';

export interface TermRow {
  readonly term: string;
  readonly n: number;
  readonly places: Uint8Array;
}

export function readTerms(sql: IndexStatements): TermReader {
  return {
    get: (first, term) => sql.get('SELECT n, places FROM terms WHERE block = ? AND term = ?', first, term),
    // One statement for all: a word of free text is looked for in a dozen fields.
    some: (first, terms) =>
      sql.all(
        `SELECT places FROM terms WHERE block = ? AND term IN (${terms.map(() => '?').join(', ')})`,
        first,
        ...terms,
      ),
    range: (first, range) =>
      sql.all('SELECT term, n, places FROM terms WHERE block = ? AND term >= ? AND term <= ?', first, ...endsOf(range)),
    counts: (first, letter) => {
      const ends = endsOf({ prefix: letter });
      return sql.all('SELECT term, n FROM terms WHERE block = ? AND term >= ? AND term <= ?', first, ...ends);
    },
    count: (first, term) =>
      sql.get<{ n: number }>('SELECT n FROM terms WHERE block = ? AND term = ?', first, term)?.n ?? 0,
    times: (first, span) => {
      const row = sql.get<{ times: Uint8Array }>('SELECT times FROM blocks WHERE first = ?', first);
      if (row?.times.length !== span * 8) throw new IndexDamaged(`the times of the block at ${first} are not whole`);
      // A copy: what SQLite gives need not stand at a multiple of eight.
      return new Float64Array(row.times.slice().buffer);
    },
  };
}

/** All of a block. */
export const termRows = (sql: IndexStatements, first: number): TermRow[] =>
  sql.all<TermRow>('SELECT term, n, places FROM terms WHERE block = ?', first);

/** In the order of the database, which is that of UTF-8: nothing is above the last character. */
function endsOf(range: Range): [low: string, high: string] {
  return 'prefix' in range ? [range.prefix, `${range.prefix}\u{10ffff}`] : [range.low, range.high];
}

/** Ascending. */
export function readHeads(sql: IndexStatements): BlockHead[] {
  const rows = sql.all<Readonly<Record<string, unknown>>>(
    'SELECT first, span, count, terms, min_time, max_time FROM blocks ORDER BY first',
  );
  return rows.map((row) => ({
    first: Number(row['first']),
    span: Number(row['span']),
    count: Number(row['count']),
    terms: Number(row['terms']),
    minTime: Number(row['min_time']),
    maxTime: Number(row['max_time']),
  }));
}
