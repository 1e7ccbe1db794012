/** Snapshots of facts while they are of use: read together for a page of records, forgotten when long unused. */
import type { Facts } from '../policy/facts.ts';
import type { Db } from '../store/open-store.ts';
import type { HeldFacts } from './judge-again.ts';

/** Snapshots held; each is about 5 KB with what was answered from it. */
const mostHeld = 20_000;
/** In one statement; SQLite takes 32,766 parameters. */
const atOnce = 500;

export class HeldSnapshots {
  readonly #db: Db;
  /** In the order of their last use. Null: there is none. */
  readonly #held = new Map<string, HeldFacts | null>();

  constructor(db: Db) {
    this.#db = db;
  }

  async load(wanted: Iterable<string>): Promise<void> {
    const missing: string[] = [];
    for (const id of new Set(wanted)) {
      const held = this.#held.get(id);
      if (held === undefined) missing.push(id);
      else this.#hold(id, held);
    }
    for (let at = 0; at < missing.length; at += atOnce) await this.#read(missing.slice(at, at + atOnce));
    for (const id of this.#held.keys()) {
      if (this.#held.size <= mostHeld) break;
      this.#held.delete(id);
    }
  }

  /** After `load`. Undefined when there is no such snapshot. */
  get(id: string | undefined): HeldFacts | undefined {
    return (id === undefined ? undefined : this.#held.get(id)) ?? undefined;
  }

  async #read(ids: readonly string[]): Promise<void> {
    const rows = await this.#db.selectFrom('fact_snapshots').select(['id', 'facts']).where('id', 'in', ids).execute();
    for (const id of ids) this.#hold(id, null);
    for (const { id, facts } of rows) {
      const read = JSON.parse(facts) as Facts;
      // Another form than this program's is not guessed at.
      if (read.v === 1) this.#hold(id, { facts: read, scopes: new Map(), answers: new Map() });
    }
  }

  #hold(id: string, held: HeldFacts | null): void {
    this.#held.delete(id);
    this.#held.set(id, held);
  }
}
