/**
 * The file of the index, beside the database: nothing in it that the log does not say, so it is made anew whenever it does not fit.
 * Only the thread that searches writes it; appending to the log never waits for it.
 */
import { rmSync } from 'node:fs';
import type { StatementSync } from 'node:sqlite';
import { NodeSqlite } from '../../store/node-sqlite.ts';
import { type BlockHead, KeptBlock, type MadeBlock, type Placed, type Spans, type TermReader } from './block.ts';
import type { Range } from './clauses.ts';
import { addPlaces, countShared, decodePlaces, emptyBits, encodePlaces } from './position-set.ts';
import { termsOf } from './terms.ts';

/** With another one the file is made anew. */
const form = '1';

interface TermRow {
  readonly term: string;
  readonly n: number;
  readonly places: Uint8Array;
}

export class IndexFile {
  readonly #sqlite: NodeSqlite;
  readonly #statements = new Map<string, StatementSync>();
  readonly #terms: TermReader = {
    get: (first, term) =>
      this.#sql('SELECT n, places FROM terms WHERE block = ? AND term = ?').get(first, term) as never,
    // One statement for all: a word of free text is looked for in a dozen fields.
    some: (first, terms) => {
      const sql = `SELECT places FROM terms WHERE block = ? AND term IN (${terms.map(() => '?').join(', ')})`;
      return this.#sql(sql).all(first, ...terms) as unknown as TermRow[];
    },
    range: (first, range) => {
      const [low, high] = endsOf(range);
      const sql = 'SELECT term, n, places FROM terms WHERE block = ? AND term >= ? AND term <= ?';
      return this.#sql(sql).all(first, low, high) as unknown as TermRow[];
    },
    counts: (first, letter) => {
      const sql = 'SELECT term, n FROM terms WHERE block = ? AND term >= ? AND term <= ?';
      return this.#sql(sql).all(first, ...endsOf({ prefix: letter })) as unknown as TermRow[];
    },
    count: (first, term) => {
      const row = this.#sql('SELECT n FROM terms WHERE block = ? AND term = ?').get(first, term);
      return Number(row?.['n'] ?? 0);
    },
    times: (first) => {
      const row = this.#sql('SELECT times FROM blocks WHERE first = ?').get(first);
      const bytes = row!['times'] as Uint8Array;
      // A copy: what SQLite gives need not stand at a multiple of eight.
      return new Float64Array(bytes.slice().buffer);
    },
  };

  readonly #spans: Spans;

  private constructor(sqlite: NodeSqlite, spans: Spans) {
    this.#sqlite = sqlite;
    this.#spans = spans;
  }

  /** `log`: what names the log; another log's index, or one of another form, is thrown away. `file` may be `:memory:`. */
  static open(file: string, log: string, spans: Spans): IndexFile {
    try {
      const found = IndexFile.#openAsIs(file, spans);
      if (found.state('log') === log) return found;
      found.close();
    } catch {
      // Whatever is wrong with it: it is made anew.
    }
    return IndexFile.make(file, log, spans);
  }

  static make(file: string, log: string, spans: Spans): IndexFile {
    if (file !== ':memory:') for (const end of ['', '-wal', '-shm']) rmSync(`${file}${end}`, { force: true });
    const made = IndexFile.#openAsIs(file, spans);
    made.setState('log', log);
    return made;
  }

  static #openAsIs(file: string, spans: Spans): IndexFile {
    const sqlite = new NodeSqlite(file);
    const { raw } = sqlite;
    // It can be made anew: a power cut may cost the last blocks of it.
    raw.exec('PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16000;');
    if (raw.prepare('PRAGMA user_version').get()?.['user_version'] !== Number(form)) {
      raw.exec(`DROP TABLE IF EXISTS state; DROP TABLE IF EXISTS blocks; DROP TABLE IF EXISTS terms;
        CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE blocks (first INTEGER PRIMARY KEY, span INTEGER NOT NULL, count INTEGER NOT NULL,
          min_time INTEGER NOT NULL, max_time INTEGER NOT NULL, times BLOB NOT NULL);
        CREATE TABLE terms (block INTEGER NOT NULL, term TEXT NOT NULL, n INTEGER NOT NULL, places BLOB NOT NULL,
          PRIMARY KEY (block, term)) WITHOUT ROWID;
        PRAGMA user_version = ${form};`);
    }
    return new IndexFile(sqlite, spans);
  }

  state(key: string): string | undefined {
    return this.#sql('SELECT value FROM state WHERE key = ?').get(key)?.['value'] as string | undefined;
  }

  setState(key: string, value: string): void {
    this.#sql('INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value').run(key, value);
  }

  /** Ascending. */
  blocks(): KeptBlock[] {
    const rows = this.#sql('SELECT first, span, count, min_time, max_time FROM blocks ORDER BY first').all();
    return rows.map((row) => new KeptBlock(headOf(row), this.#terms));
  }

  /** `through`: the last position that the index knows then. */
  write(block: MadeBlock, through: number): void {
    this.transaction(() => {
      if (block.head.count > 0) this.#insert(block.head, block.times(), block.rows());
      this.setState('through', String(through));
    });
  }

  /** Makes one large block of the small ones in its stretch. */
  merge(first: number): void {
    const { large } = this.#spans;
    const parts = this.blocks().filter(({ head }) => head.first >= first && head.first < first + large);
    const terms = new Map<string, number[]>();
    const times = new Float64Array(large);
    for (const part of parts) {
      const shift = part.head.first - first;
      times.set(part.times(), shift);
      for (const { term, places } of this.#terms.range(part.head.first, { prefix: '' })) {
        const known = terms.get(term) ?? [];
        if (known.length === 0) terms.set(term, known);
        for (const place of decodePlaces(places)) known.push(place + shift);
      }
    }
    const heads = parts.map(({ head }) => head);
    this.transaction(() => {
      for (const head of heads) this.remove(head.first);
      const rows = [...terms.keys()].sort().map((term): [string, number, Uint8Array] => {
        const places = terms.get(term)!;
        return [term, places.length, encodePlaces(places, large)];
      });
      const head = {
        first,
        span: large,
        count: heads.reduce((sum, { count }) => sum + count, 0),
        minTime: Math.min(...heads.map(({ minTime }) => minTime)),
        maxTime: Math.max(...heads.map(({ maxTime }) => maxTime)),
      };
      this.#insert(head, times, rows);
    });
  }

  /** The small blocks that fill a large stretch, if there are. */
  mergeable(): number | undefined {
    const { large } = this.#spans;
    const last = this.blocks().at(-1)?.head;
    const through = Number(this.state('through') ?? 0);
    const sql = 'SELECT MIN(first) AS first FROM blocks WHERE span = ?';
    const least = this.#sql(sql).get(this.#spans.small)?.['first'] as number | null;
    if (last === undefined || least === null || least === undefined) return undefined;
    const first = least - (least % large);
    return through >= first + large - 1 ? first : undefined;
  }

  remove(first: number): void {
    this.#sql('DELETE FROM terms WHERE block = ?').run(first);
    this.#sql('DELETE FROM blocks WHERE first = ?').run(first);
  }

  /** Takes places out of a block, and puts in what the records there are now. A block without a record goes. */
  refresh({ first, span }: BlockHead, places: readonly number[], now: readonly Placed[]): void {
    const out = emptyBits(span);
    addPlaces(out, places);
    const changed = new Map<string, number[]>();
    for (const { term, places: kept } of this.#terms.range(first, { prefix: '' })) {
      if (countShared(out, kept) === 0) continue;
      const left = decodePlaces(kept).filter((place) => ((out[place >>> 5]! >>> (place & 31)) & 1) === 0);
      changed.set(term, left);
    }
    const times = this.#terms.times(first);
    for (const place of places) times[place] = 0;
    for (const { position, record } of now) {
      times[position - first] = record.time;
      for (const term of termsOf(record)) {
        const known = changed.get(term) ?? decodePlaces(this.#terms.get(first, term)?.places ?? new Uint8Array(1));
        changed.set(term, known);
        known.push(position - first);
      }
    }
    this.transaction(() => {
      for (const [term, left] of changed) {
        this.#sql('DELETE FROM terms WHERE block = ? AND term = ?').run(first, term);
        left.sort((a, b) => a - b);
        if (left.length > 0)
          this.#sql('INSERT INTO terms VALUES (?, ?, ?, ?)').run(first, term, left.length, encodePlaces(left, span));
      }
      const there = times.filter((time) => time > 0);
      if (there.length === 0) return this.remove(first);
      let [minTime, maxTime] = [there[0]!, there[0]!];
      for (const time of there) {
        minTime = Math.min(minTime, time);
        maxTime = Math.max(maxTime, time);
      }
      const sql = 'UPDATE blocks SET count = ?, min_time = ?, max_time = ?, times = ? WHERE first = ?';
      this.#sql(sql).run(there.length, minTime, maxTime, bytesOf(times), first);
    });
  }

  transaction(work: () => void): void {
    const { raw } = this.#sqlite;
    raw.exec('BEGIN IMMEDIATE');
    try {
      work();
      raw.exec('COMMIT');
    } catch (error) {
      if (raw.isTransaction) raw.exec('ROLLBACK');
      throw error;
    }
  }

  /** Empties the write-ahead log, in which what was just removed still stands. */
  forget(): void {
    this.#sqlite.raw.exec('PRAGMA wal_checkpoint(TRUNCATE); PRAGMA incremental_vacuum;');
    this.#sqlite.raw.exec('PRAGMA wal_checkpoint(TRUNCATE);');
  }

  /** Bytes. */
  size(): number {
    const value = (name: string) => Number(Object.values(this.#sqlite.raw.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
    return value('page_count') * value('page_size');
  }

  close(): void {
    this.#statements.clear();
    this.#sqlite.close();
  }

  #insert(head: BlockHead, times: Float64Array, rows: Iterable<[string, number, Uint8Array]>): void {
    const { first, span, count, minTime, maxTime } = head;
    this.#sql('INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?)').run(first, span, count, minTime, maxTime, bytesOf(times));
    const insert = this.#sql('INSERT INTO terms VALUES (?, ?, ?, ?)');
    for (const [term, n, places] of rows) insert.run(first, term, n, places);
  }

  #sql(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.#sqlite.raw.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }
}

const bytesOf = (times: Float64Array) => new Uint8Array(times.buffer, times.byteOffset, times.byteLength);

/** In the order of the database, which is that of UTF-8: nothing is above the last character. */
function endsOf(range: Range): [low: string, high: string] {
  return 'prefix' in range ? [range.prefix, `${range.prefix}\u{10ffff}`] : [range.low, range.high];
}

function headOf(row: Readonly<Record<string, unknown>>): BlockHead {
  return {
    first: Number(row['first']),
    span: Number(row['span']),
    count: Number(row['count']),
    minTime: Number(row['min_time']),
    maxTime: Number(row['max_time']),
  };
}
