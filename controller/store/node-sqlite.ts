/** node:sqlite as the database that Kysely's SQLite dialect wants. Everything SQLite-only stands in this file and in `open-store.ts`. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { SqliteDatabase, SqliteStatement } from 'kysely';
import { PosternError } from '#shared/base/errors.ts';

/** Prepared statements kept; the controller's own queries are fewer, free-form searches come and go. */
const cacheSize = 256;
/** Primary result codes (sqlite.org/rescode.html): FULL; READONLY, IOERR, CANTOPEN. */
const full = 13;
const failing = new Set([8, 10, 14]);

export interface NodeSqliteOptions {
  readonly onTrouble?: ((why: 'disk-full' | 'disk-failed') => void) | undefined;
  readonly readOnly?: boolean;
}

export class NodeSqlite implements SqliteDatabase {
  readonly raw: DatabaseSync;
  readonly #statements = new Map<string, SqliteStatement>();
  readonly #onTrouble: (why: 'disk-full' | 'disk-failed') => void;

  /**
   * `file` may be `:memory:`. WAL, full sync: what was answered to a peer survives a power cut. `onTrouble`: the disk took no
   * more, or failed. `readOnly`: beside another connection that writes.
   */
  constructor(file: string, { onTrouble = () => {}, readOnly = false }: NodeSqliteOptions = {}) {
    this.#onTrouble = onTrouble;
    this.raw = new DatabaseSync(file, { timeout: 5000, readOnly });
    if (readOnly) return;
    try {
      // Before the first table, so that space which pruning frees can be given back to the disk.
      this.raw.exec('PRAGMA auto_vacuum = INCREMENTAL;');
      this.raw.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
      // A private key that was destroyed or taken away would else stay in the free part of its page (P20, P33).
      this.raw.exec('PRAGMA secure_delete = ON;');
    } catch (error) {
      this.raw.close();
      throw this.#tell(error);
    }
  }

  prepare(sql: string): SqliteStatement {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = sql === 'rollback' ? this.#rollback() : this.#wrap(this.raw.prepare(sql));
    if (this.#statements.size >= cacheSize) {
      const oldest = this.#statements.keys().next().value;
      if (oldest !== undefined) this.#statements.delete(oldest);
    }
    this.#statements.set(sql, statement);
    return statement;
  }

  close(): void {
    this.#statements.clear();
    this.raw.close();
  }

  #wrap(statement: StatementSync): SqliteStatement {
    const told = <T>(run: () => T): T => {
      try {
        return run();
      } catch (error) {
        throw this.#tell(error);
      }
    };
    return {
      reader: statement.columns().length > 0,
      all: (parameters) => told(() => statement.all(...(parameters as SQLInputValue[]))),
      run: (parameters) => told(() => statement.run(...(parameters as SQLInputValue[]))),
      iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
    };
  }

  /** SQLite itself rolls back when the disk is full; another rollback would hide why. */
  #rollback(): SqliteStatement {
    const run = () => {
      if (this.raw.isTransaction) this.raw.exec('rollback');
      return { changes: 0, lastInsertRowid: 0 };
    };
    return { reader: false, run, all: () => [], iterate: () => [][Symbol.iterator]() };
  }

  #tell(error: unknown): unknown {
    const { errcode } = error as { errcode?: number };
    if (errcode === undefined) return error;
    if ((errcode & 0xff) === full) {
      this.#onTrouble('disk-full');
      return new PosternError('disk-full', 'the store cannot grow', { cause: error });
    }
    if (failing.has(errcode & 0xff)) {
      this.#onTrouble('disk-failed');
      const why = (errcode & 0xff) === 8 ? 'its disk is read-only' : (error as Error).message;
      return new PosternError('disk-failed', `the store cannot be written: ${why}`, { cause: error });
    }
    return error;
  }
}
