/** Statements on the file of the index, each prepared once. All throw `IndexDamaged` where the file is to blame. */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { orDamaged } from './index-damage.ts';

export class IndexStatements {
  readonly raw: DatabaseSync;
  readonly #known = new Map<string, StatementSync>();

  constructor(raw: DatabaseSync) {
    this.raw = raw;
  }

  get<R>(sql: string, ...values: SQLInputValue[]): R | undefined {
    return orDamaged(() => this.#prepare(sql).get(...values) as R | undefined);
  }

  all<R>(sql: string, ...values: SQLInputValue[]): R[] {
    return orDamaged(() => this.#prepare(sql).all(...values) as R[]);
  }

  run(sql: string, ...values: SQLInputValue[]): void {
    orDamaged(() => this.#prepare(sql).run(...values));
  }

  /** All or nothing. */
  transaction<T>(work: () => T, begin = 'BEGIN IMMEDIATE'): T {
    orDamaged(() => this.raw.exec(begin));
    try {
      const done = work();
      orDamaged(() => this.raw.exec('COMMIT'));
      return done;
    } catch (error) {
      if (this.raw.isTransaction) this.raw.exec('ROLLBACK');
      throw error;
    }
  }

  forget(): void {
    this.#known.clear();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#known.get(sql);
    if (statement === undefined) {
      statement = this.raw.prepare(sql);
      this.#known.set(sql, statement);
    }
    return statement;
  }
}
