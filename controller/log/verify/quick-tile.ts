/**
 * The short way for the leaves of one tile: where their records stand one behind the other, as they mostly do, none is looked up by itself,
 * and hashes are compared as texts. It says which leaves it does not know to be whole: those go the long way (`check-range.ts`).
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { hashBytes, leafTextHex } from '#shared/log/tree-hash.ts';
import { togetherColumns } from './check-row.ts';
import { isWhole } from './quick-row.ts';

/** How many leaves, lowest and highest of position less index, lowest position, one that was pruned, their hashes in hex. */
type Leaves = readonly [number, number, number, number, number, string];

/** Leaf, disclosures, compared columns as JSON. */
type Kept = readonly [string, string, string];

export interface QuickTile {
  /** As the database has them, 32 bytes each. */
  readonly hashes: Buffer;
  /** Leaves that are not known to be whole. */
  readonly odd: number[];
}

export class QuickTiles {
  readonly #leaves: StatementSync;
  readonly #records: StatementSync;

  constructor(db: DatabaseSync) {
    this.#leaves = db.prepare(
      `SELECT count(*), min(position - leaf_index), max(position - leaf_index), min(position), max(pruned),
         group_concat(lower(hex(hash)), '' ORDER BY leaf_index)
       FROM log_leaves WHERE leaf_index >= ? AND leaf_index < ?`,
    );
    this.#records = db.prepare(
      `SELECT r.leaf, r.disclosures, ${togetherColumns} FROM records r WHERE r.position >= ? AND r.position < ? ORDER BY r.position`,
    );
    // Rows as objects would cost twice as much.
    this.#leaves.setReturnArrays(true);
    this.#records.setReturnArrays(true);
  }

  /** Of the leaves of a tile from `first` to before `end`; `onDisk`: what its file has for them, or for the first of them. Undefined where this way does not lead. */
  check(first: number, end: number, onDisk: Buffer | undefined): QuickTile | undefined {
    const count = end - first;
    const [found, lowest, highest, position, pruned, hex] = this.#leaves.get(first, end) as unknown as Leaves;
    if (found !== count || lowest !== highest || pruned !== 0 || hex.length !== 2 * hashBytes * count) return undefined;
    if (onDisk !== undefined && !hex.startsWith(onDisk.toString('hex'))) return undefined;
    const records = this.#records.all(position, position + count) as unknown as Kept[];
    if (records.length !== count) return undefined;
    const odd: number[] = [];
    for (let at = 0; at < count; at += 1) {
      const [leaf, disclosures, together] = records[at]!;
      const isKept = leafTextHex(leaf) === hex.slice(2 * hashBytes * at, 2 * hashBytes * (at + 1));
      if (!isKept || !isWhole({ leaf, disclosures, together })) odd.push(first + at);
    }
    return { hashes: Buffer.from(hex, 'hex'), odd };
  }
}
