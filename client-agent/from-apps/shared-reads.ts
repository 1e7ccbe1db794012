/** Reads of a table of sockets that connections share. */

/**
 * Connections that come together share one read, which must begin after all of them were accepted: an older text could hold
 * a row of the same ports from before.
 */
export class SharedReads {
  readonly #readTable: (table: string) => Promise<string>;
  readonly #running = new Map<string, Promise<string>>();
  readonly #next = new Map<string, Promise<string>>();

  constructor(readTable: (table: string) => Promise<string>) {
    this.#readTable = readTable;
  }

  read(table: string): Promise<string> {
    const waiting = this.#next.get(table);
    if (waiting !== undefined) return waiting;
    const running = this.#running.get(table);
    if (running === undefined) return this.#start(table);
    const next = running.then(
      () => this.#startNext(table),
      () => this.#startNext(table),
    );
    this.#next.set(table, next);
    return next;
  }

  #startNext(table: string): Promise<string> {
    this.#next.delete(table);
    return this.#start(table);
  }

  #start(table: string): Promise<string> {
    // A table that is not there (no IPv6) has no row of anybody.
    const read = this.#readTable(table).catch(() => '');
    this.#running.set(table, read);
    void read.then(() => {
      if (this.#running.get(table) === read) this.#running.delete(table);
    });
    return read;
  }
}
