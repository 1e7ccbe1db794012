/**
 * Whether the index says what the records say. Reads only, by connections of its own, and beside the thread that writes: what was changed in
 * the log and has not reached the index yet is no fault, and a block that changed while it was read is read again.
 */
import { DatabaseSync } from 'node:sqlite';
import type { IndexFault } from '#shared/contracts/admin-proofs.ts';
import { type BlockHead, MadeBlock, type Spans, usualSpans } from './block.ts';
import { type BlockFault, compareBlock } from './compare-block.ts';
import { isDamage } from './index-damage.ts';
import { indexForm, indexOf } from './index-file.ts';
import { gapsBetween, misplaced } from './index-heads.ts';
import { IndexStatements } from './index-statements.ts';
import { type PlacedRow, placedOf } from './placed.ts';
import { readHeads } from './read-terms.ts';

export interface IndexLayout {
  /** The last position that the index says to know. */
  readonly through: number;
  readonly blocks: readonly BlockHead[];
  /** Of the whole: it must be made anew, not only a block of it. */
  readonly faults: readonly IndexFault[];
}

export interface BlockResult {
  readonly records: number;
  readonly faults: readonly IndexFault[];
  readonly more: number;
}

const mostTries = 5;

export class IndexChecker {
  readonly #db: DatabaseSync;
  readonly #index: DatabaseSync;
  readonly #sql: IndexStatements;
  readonly #spans: Spans;

  /** `file`: of the database. Throws what SQLite throws, also where there is no index. */
  constructor(file: string, spans = usualSpans) {
    this.#db = new DatabaseSync(file, { readOnly: true, timeout: 5000 });
    try {
      this.#index = new DatabaseSync(indexOf(file), { readOnly: true, timeout: 5000 });
    } catch (error) {
      this.#db.close();
      throw error;
    }
    this.#sql = new IndexStatements(this.#index);
    this.#spans = spans;
  }

  close(): void {
    this.#sql.forget();
    this.#index.close();
    this.#db.close();
  }

  /** `log`: what names the log. */
  layout(log: string): IndexLayout {
    const faults: IndexFault[] = [];
    try {
      return this.#sql.transaction(() => this.#layout(log, faults), 'BEGIN');
    } catch (error) {
      if (!isDamage(error)) throw error;
      return { through: 0, blocks: [], faults: [...faults, { what: `the index: ${(error as Error).message}` }] };
    }
  }

  #layout(log: string, faults: IndexFault[]): IndexLayout {
    const form = this.#sql.get<{ user_version: number }>('PRAGMA user_version')?.user_version;
    if (form !== indexForm) return { through: 0, blocks: [], faults: [{ what: `the index is of the form ${form}` }] };
    if (this.#state('log') !== log) faults.push({ what: 'the index is of another log' });
    const through = Number(this.#state('through') ?? 0);
    const last = Number(this.#db.prepare('SELECT MAX(position) AS last FROM records').get()?.['last'] ?? 0);
    if (through > last) faults.push({ what: `the index knows records up to ${through}, and the last is ${last}` });
    const blocks = readHeads(this.#sql);
    const wrong = misplaced(blocks, through, this.#spans);
    if (wrong !== undefined)
      faults.push({ first: wrong.first, last: wrong.first + wrong.span - 1, what: 'a block that cannot be there' });
    for (const gap of gapsBetween(blocks, through)) this.#checkGap(gap, faults);
    this.#checkStrays(blocks, faults);
    return { through, blocks, faults };
  }

  /** Where no block is there must be no record. */
  #checkGap({ first, last }: { readonly first: number; readonly last: number }, faults: IndexFault[]): void {
    const sql = 'SELECT id, position FROM records WHERE position BETWEEN ? AND ? ORDER BY position LIMIT 1';
    const row = this.#db.prepare(sql).get(first, last);
    if (row === undefined) return;
    const record = String(row['id']);
    faults.push({ first, last, record, position: Number(row['position']), what: 'it stands in no block' });
  }

  #checkStrays(blocks: readonly BlockHead[], faults: IndexFault[]): void {
    const known = new Set(blocks.map(({ first }) => first));
    let after = Number.MIN_SAFE_INTEGER;
    for (;;) {
      const sql = 'SELECT block FROM terms WHERE block > ? ORDER BY block LIMIT 1';
      const block = this.#sql.get<{ block: number }>(sql, after)?.block;
      if (block === undefined) return;
      if (!known.has(block)) faults.push({ first: block, what: 'terms of a block that there is not' });
      after = block;
    }
  }

  /** In steps, of which none takes long; undefined for a block that there is no more, or that changes all the time. */
  *check(first: number): Generator<void, BlockResult | undefined> {
    for (let tries = 0; tries < mostTries; tries++) {
      const head = readHeads(this.#sql).find((one) => one.first === first);
      if (head === undefined || ![this.#spans.small, this.#spans.large].includes(head.span)) return undefined;
      const changed = this.#changed();
      const made = yield* this.#make(head);
      const result = this.#compare(head, made, changed);
      if (result !== undefined) return result;
    }
    return undefined;
  }

  *#make({ first, span }: BlockHead): Generator<void, MadeBlock> {
    const made = new MadeBlock(first, span);
    const step = this.#spans.small;
    const rows = this.#db.prepare(
      'SELECT position, leaf, disclosures FROM records WHERE position >= ? AND position < ? ORDER BY position',
    );
    for (let from = first; from < first + span; from += step) {
      for (const row of rows.all(from, from + step)) {
        const placed = placedOf(row as unknown as PlacedRow);
        if (placed !== undefined) made.put(placed);
      }
      yield;
    }
    return made;
  }

  /** Undefined when the index followed a change meanwhile, or the block became part of another. */
  #compare(head: BlockHead, made: MadeBlock, changed: number): BlockResult | undefined {
    const { first, span } = head;
    const found = this.#sql.transaction(() => {
      const there = readHeads(this.#sql).find((one) => one.first === first);
      if (there?.span !== span) return undefined;
      const whole = compareBlock(this.#sql, there, made, () => false);
      // Most are whole: only where something differs it matters what is about to change.
      if (whole.faults.length === 0) return whole;
      const pending = this.#pending(head, changed);
      return compareBlock(this.#sql, there, made, (place) => pending.has(place));
    }, 'BEGIN');
    // What the index has followed is gone from the list: then nobody can tell what was about to change.
    if (found === undefined || (found.faults.length > 0 && this.#changed() !== changed)) return undefined;
    const faults = found.faults.map((fault) => this.#name(head, fault));
    return { records: made.head.count, faults, more: found.more };
  }

  #pending({ first, span }: BlockHead, changed: number): Set<number> {
    const sql = 'SELECT first, last FROM records_changed WHERE n > ? AND first < ? AND last >= ?';
    const places = new Set<number>();
    for (const row of this.#db.prepare(sql).all(changed, first + span, first))
      for (let at = Math.max(first, Number(row['first'])); at <= Math.min(Number(row['last']), first + span - 1); at++)
        places.add(at - first);
    return places;
  }

  #name({ first, span }: BlockHead, { position, what }: BlockFault): IndexFault {
    const last = first + span - 1;
    if (position === undefined) return { first, last, what };
    const id = this.#db.prepare('SELECT id FROM records WHERE position = ?').get(position)?.['id'];
    return { first, last, position, ...(id === undefined ? {} : { record: String(id) }), what };
  }

  #changed(): number {
    return Number(this.#state('changed') ?? 0);
  }

  #state(key: string): string | undefined {
    return this.#sql.get<{ value: string }>('SELECT value FROM state WHERE key = ?', key)?.value;
  }
}
