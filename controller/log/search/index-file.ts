/**
 * The file of the index, beside the database: nothing in it that the log does not say, so it is made anew whenever it does not fit.
 * Only the thread that searches writes it; appending to the log never waits for it.
 */
import { rmSync } from 'node:fs';
import { NodeSqlite } from '../../store/node-sqlite.ts';
import { type BlockHead, KeptBlock, type MadeBlock, type Spans, type TermReader } from './block.ts';
import { isDamage } from './index-damage.ts';
import { IndexStatements } from './index-statements.ts';
import { readHeads, readTerms } from './read-terms.ts';
import { bytesOf } from './refresh-block.ts';

/** With another one the file is made anew. */
export const indexForm = 2;

export const indexOf = (database: string): string => `${database}-search`;

export class IndexFile {
  readonly sql: IndexStatements;
  readonly terms: TermReader;
  readonly spans: Spans;
  /** What was wrong with the one that stood here. */
  readonly damage: string | undefined;
  readonly #sqlite: NodeSqlite;

  private constructor(sqlite: NodeSqlite, spans: Spans, damage?: string) {
    this.#sqlite = sqlite;
    this.sql = new IndexStatements(sqlite.raw);
    this.terms = readTerms(this.sql);
    this.spans = spans;
    this.damage = damage;
  }

  /** `log`: what names the log; another log's index, or one of another form, is thrown away. `file` may be `:memory:`. */
  static open(file: string, log: string, spans: Spans): IndexFile {
    let damage: string | undefined;
    try {
      const found = IndexFile.#openAsIs(file, spans);
      if (found.state('log') === log) return found;
      found.close();
    } catch (error) {
      // Whatever is wrong with it: it is made anew.
      if (isDamage(error)) damage = (error as Error).message;
    }
    return IndexFile.make(file, log, spans, damage);
  }

  static make(file: string, log: string, spans: Spans, damage?: string): IndexFile {
    if (file !== ':memory:') for (const end of ['', '-wal', '-shm']) rmSync(`${file}${end}`, { force: true });
    const made = IndexFile.#openAsIs(file, spans, damage);
    made.setState('log', log);
    return made;
  }

  static #openAsIs(file: string, spans: Spans, damage?: string): IndexFile {
    const sqlite = new NodeSqlite(file);
    const { raw } = sqlite;
    try {
      // It can be made anew: a power cut may cost the last blocks of it.
      raw.exec('PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16000;');
      if (raw.prepare('PRAGMA user_version').get()?.['user_version'] !== indexForm) {
        raw.exec(`DROP TABLE IF EXISTS state; DROP TABLE IF EXISTS blocks; DROP TABLE IF EXISTS terms;
        CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE blocks (first INTEGER PRIMARY KEY, span INTEGER NOT NULL, count INTEGER NOT NULL,
          terms INTEGER NOT NULL, min_time INTEGER NOT NULL, max_time INTEGER NOT NULL, times BLOB NOT NULL) STRICT;
        CREATE TABLE terms (block INTEGER NOT NULL, term TEXT NOT NULL, n INTEGER NOT NULL, places BLOB NOT NULL,
          PRIMARY KEY (block, term)) STRICT, WITHOUT ROWID;
        PRAGMA user_version = ${indexForm};`);
      }
      return new IndexFile(sqlite, spans, damage);
    } catch (error) {
      sqlite.close();
      throw error;
    }
  }

  state(key: string): string | undefined {
    return this.sql.get<{ value: string }>('SELECT value FROM state WHERE key = ?', key)?.value;
  }

  setState(key: string, value: string): void {
    this.sql.run('INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value', key, value);
  }

  /** Ascending. */
  blocks(): KeptBlock[] {
    return readHeads(this.sql).map((head) => new KeptBlock(head, this.terms));
  }

  /** `through`: the last position that the index knows then. What stood in its stretch goes. */
  write(block: MadeBlock, through: number): void {
    this.sql.transaction(() => {
      this.replace(block);
      this.setState('through', String(through));
    });
  }

  /** In a transaction. */
  replace(block: MadeBlock): void {
    const { first, span } = block.head;
    const last = first + span - 1;
    this.sql.run('DELETE FROM terms WHERE block BETWEEN ? AND ?', first, last);
    this.sql.run('DELETE FROM blocks WHERE first BETWEEN ? AND ?', first, last);
    if (block.head.count > 0) this.insert(block.head, block.times(), block.rows());
  }

  remove(first: number): void {
    this.sql.run('DELETE FROM terms WHERE block = ?', first);
    this.sql.run('DELETE FROM blocks WHERE first = ?', first);
  }

  insert(head: BlockHead, times: Float64Array, rows: Iterable<[string, number, Uint8Array]>): void {
    const { first, span, count, terms, minTime, maxTime } = head;
    this.sql.run(
      'INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?)',
      first,
      span,
      count,
      terms,
      minTime,
      maxTime,
      bytesOf(times),
    );
    for (const [term, n, places] of rows) this.sql.run('INSERT INTO terms VALUES (?, ?, ?, ?)', first, term, n, places);
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
    this.sql.forget();
    this.#sqlite.close();
  }
}
