/**
 * Many small pieces of work in one transaction: a commit waits for the disk (2 ms), a piece of work for a tenth of that.
 * What arrives while a transaction runs goes into the next one together. Nobody's promise resolves before the commit.
 */
import type { Db, Trx } from './open-store.ts';

type Work = (trx: Trx) => Promise<unknown>;

interface Waiting {
  readonly work: Work;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export class BatchedTransactions {
  readonly #db: Db;
  readonly #most: number;
  #waiting: Waiting[] = [];
  #running = false;

  /** `most`: pieces in one transaction, so that nobody else waits long for the store. */
  constructor(db: Db, most = 32) {
    this.#db = db;
    this.#most = most;
  }

  /** `work` may run twice, when another piece of its first transaction failed: it must touch nothing but the store. */
  run<T>(work: (trx: Trx) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ work, resolve: resolve as Waiting['resolve'], reject });
      if (this.#running) return;
      this.#running = true;
      // What else this turn of the event loop brings shares the first transaction.
      setImmediate(() => void this.#drain());
    });
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) await this.#runTogether(this.#waiting.splice(0, this.#most));
    this.#running = false;
  }

  async #runTogether(batch: readonly Waiting[]): Promise<void> {
    let results: unknown[];
    try {
      results = await this.#db.transaction().execute(async (trx) => {
        const done: unknown[] = [];
        for (const { work } of batch) done.push(await work(trx));
        return done;
      });
    } catch (error) {
      const [only, ...others] = batch;
      // One piece has spoilt the transaction of all; each by itself, only that one fails.
      if (others.length === 0) only?.reject(error);
      else for (const one of batch) await this.#runTogether([one]);
      return;
    }
    batch.forEach(({ resolve }, index) => {
      resolve(results[index]);
    });
  }
}
