/**
 * The index of the log: blocks in their file, and in memory what came since. It follows the log by position, which is the order of
 * writing; what a prune or an erasure changed is told by `records_changed`.
 */
import type { Db } from '../../store/open-store.ts';
import { type Block, type BlockHead, MadeBlock, type Spans, usualSpans } from './block.ts';
import { IndexFile } from './index-file.ts';
import { misplaced } from './index-heads.ts';
import { mergeable, mergeBlocks, mostTerms } from './merge-blocks.ts';
import { type Placed, placedColumns, placedOf, readRecordsAt } from './placed.ts';
import { refreshBlock } from './refresh-block.ts';
import { forgetWords } from './words.ts';

/** A block that need not be read to be passed over. */
export interface BlockPlace {
  readonly first: number;
  /** One after its last position. */
  readonly end: number;
  open(): Promise<Block>;
}

export interface IndexState {
  /** The last position that is in the file, and the last of the log. */
  readonly through: number;
  readonly last: number;
  /** Bytes of the file. */
  readonly bytes: number;
}

export interface IndexSizes {
  readonly spans: Spans;
  /** Of a large block: with more a stretch stays in small ones. */
  readonly mostTerms: number;
}
const usualSizes: IndexSizes = { spans: usualSpans, mostTerms };

export class LogIndex {
  readonly #db: Db;
  readonly #file: IndexFile;
  readonly #spans: Spans;
  #kept: Block[];
  #through: number;
  #tail: MadeBlock;
  #tailThrough: number;
  #large: { readonly block: MadeBlock; readonly next: number } | undefined;
  /** A stretch that has too many terms for a large block. */
  #rich: number | undefined;
  readonly #mostTerms: number;
  /** By block: places whose records are others now, or gone. */
  readonly #stale = new Map<number, { readonly head: BlockHead; readonly places: Set<number> }>();
  #changedThrough: number;

  private constructor(db: Db, file: IndexFile, { spans, mostTerms }: IndexSizes) {
    this.#spans = spans;
    this.#mostTerms = mostTerms;
    this.#db = db;
    this.#file = file;
    this.#kept = file.blocks();
    this.#through = Number(file.state('through') ?? 0);
    this.#changedThrough = Number(file.state('changed') ?? 0);
    this.#tailThrough = this.#through;
    this.#tail = this.#newTail();
  }

  /** `db`: a connection that only reads. `log`: what names this log and no other (`generation`). */
  static async open(db: Db, file: string, log: string, sizes = usualSizes): Promise<LogIndex> {
    const index = new LogIndex(db, IndexFile.open(file, log, sizes.spans), sizes);
    const heads = index.#kept.map(({ head }) => head);
    const wrong = misplaced(heads, index.#through, sizes.spans);
    if (wrong === undefined && index.#through <= (await index.last())) return index;
    index.close();
    // One that knows of records that there are not is of a copy of the database that went on.
    const damage = wrong === undefined ? undefined : `a block at ${wrong.first} that cannot be there`;
    return LogIndex.make(db, file, log, sizes, damage);
  }

  /** Whatever stands there. `damage`: what was wrong with it. */
  static make(db: Db, file: string, log: string, sizes = usualSizes, damage?: string): LogIndex {
    return new LogIndex(db, IndexFile.make(file, log, sizes.spans, damage), sizes);
  }

  /** What was wrong with the file that was here, so that it was made anew. */
  get damage(): string | undefined {
    return this.#file.damage;
  }

  close(): void {
    this.#file.close();
  }

  async last(): Promise<number> {
    const row = await this.#db
      .selectFrom('records')
      .select('position')
      .orderBy('position', 'desc')
      .limit(1)
      .executeTakeFirst();
    return row?.position ?? 0;
  }

  async state(): Promise<IndexState> {
    return { through: this.#through, last: await this.last(), bytes: this.#file.size() };
  }

  /** Works for about so many milliseconds; true when nothing is left to do. */
  async advance(forMs: number): Promise<boolean> {
    const until = performance.now() + forMs;
    await this.#readChanged();
    for (const [first, { head, places }] of this.#stale) {
      const positions = [...places].map((place) => first + place);
      refreshBlock(this.#file, head, [...places], await this.#readAt(positions));
      this.#stale.delete(first);
      this.#kept = this.#file.blocks();
      if (performance.now() > until) return false;
    }
    if (Number(this.#file.state('changed') ?? 0) < this.#changedThrough) {
      this.#file.setState('changed', String(this.#changedThrough));
      this.#file.forget();
      forgetWords();
    }
    const last = await this.last();
    while (this.#unkept() + this.#spans.small - 1 <= last) {
      const first = this.#unkept();
      const isLarge = first % this.#spans.large === 0 && first + this.#spans.large - 1 <= last;
      if (isLarge && first !== this.#rich) await this.#makeLarge(first);
      else this.#keep(await this.#make(first));
      if (performance.now() > until) return false;
    }
    return true;
  }

  #keep(block: MadeBlock): void {
    const { first, span } = block.head;
    this.#through = first + span - 1;
    this.#file.write(block, this.#through);
    const stretch = mergeable(this.#file, this.#mostTerms);
    if (stretch !== undefined) mergeBlocks(this.#file, stretch);
    this.#kept = this.#file.blocks();
  }

  /** Makes a block anew out of the records, with whatever stands in its stretch; true when there was one. */
  async mend(first: number): Promise<boolean> {
    const head = this.#file.blocks().find((block) => block.head.first === first)?.head;
    if (head === undefined || misplaced([head], this.#through, this.#spans) !== undefined) return false;
    const { small } = this.#spans;
    const block = new MadeBlock(first, head.span);
    for (let from = first; from < first + head.span; from += small)
      for (const placed of await this.#read(from, from + small - 1)) block.put(placed);
    this.#file.sql.transaction(() => this.#file.replace(block));
    this.#kept = this.#file.blocks();
    return true;
  }

  /** A step of it: where much is to be caught up with, nothing is written twice. */
  async #makeLarge(first: number): Promise<void> {
    if (this.#large?.block.head.first !== first)
      this.#large = { block: new MadeBlock(first, this.#spans.large), next: first };
    const { block, next } = this.#large;
    for (const placed of await this.#read(next, next + this.#spans.small - 1)) block.put(placed);
    if (block.head.terms > this.#mostTerms) {
      this.#large = undefined;
      this.#rich = first;
      return;
    }
    this.#large = { block, next: next + this.#spans.small };
    if (next + this.#spans.small < first + this.#spans.large) return;
    this.#large = undefined;
    this.#keep(block);
  }

  /** The last position that is in the file. */
  through(): number {
    return this.#through;
  }

  /** The number of the last change of old records that the index has followed. */
  followed(): number {
    return Number(this.#file.state('changed') ?? 0);
  }

  /** All blocks, the newest first or the oldest; those that the file has not yet are made when they are opened. */
  async places(oldest: boolean): Promise<BlockPlace[]> {
    const last = await this.last();
    const places = this.#kept.map((block): BlockPlace => {
      const { first, span } = block.head;
      return { first, end: first + span, open: async () => block };
    });
    for (let first = this.#unkept(); first <= last; first += this.#spans.small) {
      const open = first + this.#spans.small > last ? () => this.#openTail(first, last) : () => this.#make(first);
      places.push({ first, end: first + this.#spans.small, open });
    }
    return oldest ? places : places.reverse();
  }

  #unkept(): number {
    return this.#through === 0 ? 0 : this.#through + 1;
  }

  #newTail(): MadeBlock {
    return new MadeBlock(this.#unkept(), this.#spans.small);
  }

  async #make(first: number): Promise<MadeBlock> {
    const block = new MadeBlock(first, this.#spans.small);
    for (const placed of await this.#read(first, first + this.#spans.small - 1)) block.put(placed);
    return block;
  }

  /** Goes on where the last look at it ended. */
  async #openTail(first: number, last: number): Promise<MadeBlock> {
    if (this.#tail.head.first !== first) {
      this.#tail = new MadeBlock(first, this.#spans.small);
      this.#tailThrough = first - 1;
    }
    for (const placed of await this.#read(this.#tailThrough + 1, last)) this.#tail.put(placed);
    this.#tailThrough = last;
    return this.#tail;
  }

  async #read(from: number, to: number): Promise<Placed[]> {
    if (from > to) return [];
    const rows = await this.#db
      .selectFrom('records')
      .select([...placedColumns])
      .where('position', '>=', from)
      .where('position', '<=', to)
      .orderBy('position')
      .execute();
    return rows.flatMap((row) => placedOf(row) ?? []);
  }

  async #readAt(positions: readonly number[]): Promise<Placed[]> {
    const found: Placed[] = [];
    for (let at = 0; at < positions.length; at += 500)
      found.push(...(await readRecordsAt(this.#db, positions.slice(at, at + 500))));
    return found;
  }

  async #readChanged(): Promise<void> {
    const rows = await this.#db
      .selectFrom('records_changed')
      .select(['n', 'first', 'last'])
      .where('n', '>', this.#changedThrough)
      .orderBy('n')
      .execute();
    for (const { n, first, last } of rows) {
      this.#changedThrough = n;
      if (last > this.#through) {
        this.#tail = new MadeBlock(-this.#spans.small, this.#spans.small);
        this.#large = undefined;
      }
      for (const { head } of this.#kept) {
        const end = head.first + head.span - 1;
        if (head.first > last || end < first) continue;
        const stale = this.#stale.get(head.first) ?? { head, places: new Set<number>() };
        this.#stale.set(head.first, stale);
        for (let at = Math.max(first, head.first); at <= Math.min(last, end); at++) stale.places.add(at - head.first);
      }
    }
  }
}
