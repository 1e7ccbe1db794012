/** A range of leaves against records and tiles, in a thread of its own: hashed anew, compared column by column, and by tiles. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { LogFault } from '#shared/contracts/admin-proofs.ts';
import { tilePath, tileWidth } from '#shared/log/tile-path.ts';
import { tileAt } from '#shared/log/tiles.ts';
import { hashBytes, leafTextHash, rootOfBytes } from '#shared/log/tree-hash.ts';
import { PrunedLeaves } from '../retention/pruned-leaves.ts';
import { checkRow, comparedColumns, togetherColumns } from './check-row.ts';
import { QuickTiles } from './quick-tile.ts';

export interface RangeOrder {
  /** Of the database. */
  readonly file: string;
  /** Of the tiles. */
  readonly dir: string;
  /** From this leaf on a gateway may have delivered what has no values, of somebody who was erased before. */
  readonly lateFrom?: number | undefined;
}

export interface Range {
  /** On the edge of a tile. */
  readonly from: number;
  readonly to: number;
  /** The size that the tiles on the disk are of. */
  readonly tiled: number;
}

export interface PrunedBy {
  readonly pruning: number;
  readonly count: number;
  /** The highest of its leaves. */
  readonly last: number;
  readonly bytes: Uint8Array;
}

export interface RangeResult {
  /** The roots of its tiles, 32 bytes each, the last one perhaps of a partial tile. */
  readonly roots: Uint8Array;
  readonly records: number;
  /** By pruning, which leaves it took. */
  readonly pruned: readonly PrunedBy[];
  readonly erased: number;
  /** Of those, which may have come so. */
  readonly late: number;
  readonly faults: LogFault[];
}

interface Counts {
  records: number;
  readonly pruned: Map<number, PrunedLeaves>;
  erased: number;
  late: number;
}

/** Leaf, hash in hex, the pruning, then of the record: position, id, leaf, disclosures, compared columns as JSON. */
type Row = readonly [number, string, number, number | null, string | null, string, string, string];

export class RangeChecker {
  readonly #order: RangeOrder;
  readonly #db: DatabaseSync;
  readonly #quick: QuickTiles;
  readonly #rows: StatementSync;
  readonly #columns: StatementSync;

  constructor(order: RangeOrder) {
    this.#order = order;
    this.#db = new DatabaseSync(order.file, { readOnly: true, timeout: 5000 });
    this.#quick = new QuickTiles(this.#db);
    this.#rows = this.#db.prepare(
      `SELECT l.leaf_index, lower(hex(l.hash)), l.pruned, r.position, r.id, r.leaf, r.disclosures, ${togetherColumns}
       FROM log_leaves l LEFT JOIN records r ON r.position = l.position
       WHERE l.leaf_index >= ? AND l.leaf_index < ? ORDER BY l.leaf_index`,
    );
    const columns = comparedColumns.map((name) => `"${name}"`).join(', ');
    this.#columns = this.#db.prepare(`SELECT ${columns} FROM records WHERE position = ?`);
    this.#rows.setReturnArrays(true);
    this.#columns.setReturnArrays(true);
  }

  check({ from, to, tiled }: Range): RangeResult {
    const faults: LogFault[] = [];
    const roots: Buffer[] = [];
    const counts = { records: 0, pruned: new Map<number, PrunedLeaves>(), erased: 0, late: 0 };
    for (let first = from; first < to; first += tileWidth) {
      const end = Math.min(first + tileWidth, to);
      const onDisk = this.#readTile(first, end, tiled, faults);
      const quick = this.#quick.check(first, end, onDisk);
      const odd = quick?.odd ?? Array.from({ length: end - first }, (_, at) => first + at);
      const hashes = quick?.hashes ?? Buffer.alloc((end - first) * hashBytes);
      counts.records += end - first - odd.length;
      this.#checkOdd(odd, (index, row) => {
        const place = (index - first) * hashBytes;
        // Of the last tile the disk may have a part alone.
        const expected =
          onDisk !== undefined && place < onDisk.length ? onDisk.subarray(place, place + hashBytes) : undefined;
        hashes.set(this.#checkLeaf(index, row, expected, { faults, counts }), place);
      });
      roots.push(rootOfBytes(hashes));
    }
    const pruned = [...counts.pruned].map(([pruning, set]) => {
      const { count, last } = set;
      return { pruning, count, last, bytes: set.bytes() };
    });
    return { roots: Buffer.concat(roots), ...counts, pruned, faults };
  }

  close(): void {
    this.#db.close();
  }

  /** In their order; without a row where the leaf is gone. */
  #checkOdd(leaves: readonly number[], check: (index: number, row: Row | undefined) => void): void {
    if (leaves.length === 0) return;
    const rows = this.#rows.all(leaves[0]!, leaves.at(-1)! + 1) as unknown as Row[];
    const byLeaf = new Map(rows.map((row) => [row[0], row]));
    for (const index of leaves) check(index, byLeaf.get(index));
  }

  #checkLeaf(
    index: number,
    row: Row | undefined,
    onDisk: Buffer | undefined,
    { faults, counts }: { faults: LogFault[]; counts: Counts },
  ): Buffer {
    if (row === undefined) {
      faults.push({ leaf: index, what: 'this leaf is gone from the database' });
      return onDisk ?? Buffer.alloc(hashBytes);
    }
    const [, stored, pruning, position, id, leaf, disclosures, together] = row;
    const kept = Buffer.from(stored, 'hex');
    const isOnDisk = onDisk === undefined || onDisk.equals(kept);
    const record = id ?? undefined;
    const name = { leaf: index, ...(record === undefined ? {} : { record }) };
    let hash: Buffer = kept.length === hashBytes ? kept : Buffer.alloc(hashBytes);
    if (position === null) {
      if (pruning > 0) this.#countPruned(index, pruning, counts);
      else faults.push({ leaf: index, what: 'the record of this leaf is gone' });
    } else {
      counts.records += 1;
      if (pruning > 0) faults.push({ ...name, what: 'the record is here, though it is said to have been pruned' });
      hash = leafTextHash(leaf);
      if (!hash.equals(kept)) faults.push({ ...name, what: 'the record is not the one that was written here' });
      const { wrong, erased, isDelivered } = checkRow(
        { leaf, disclosures, together },
        () => this.#columns.get(position) as unknown as unknown[],
      );
      if (erased) counts.erased += 1;
      const { lateFrom = Number.POSITIVE_INFINITY } = this.#order;
      if (erased && isDelivered && disclosures === '[]' && index > lateFrom) counts.late += 1;
      for (const what of wrong) faults.push({ ...name, what });
    }
    if (!isOnDisk) {
      const tile = tilePath({ level: 0, index: Math.floor(index / tileWidth), width: tileWidth });
      faults.push({ ...name, tile, what: 'the tile has another hash for this leaf than the database' });
    }
    // What was written is what most still say: one changed place shall not look like all of those above it.
    return onDisk !== undefined && isOnDisk ? kept : hash;
  }

  #countPruned(leaf: number, pruning: number, { pruned }: Counts): void {
    const set = pruned.get(pruning) ?? new PrunedLeaves();
    pruned.set(pruning, set);
    set.add(leaf);
  }

  /** What the tile on the disk has for these leaves; a full one that is missing or cut short is a fault, but no reason to stop. */
  #readTile(first: number, end: number, tiled: number, faults: LogFault[]): Buffer | undefined {
    const index = Math.floor(first / tileWidth);
    const tile = tileAt(0, index, tiled);
    if (tile === undefined) return undefined;
    for (const width of new Set([tile.width, tileWidth])) {
      try {
        const bytes = readFileSync(join(this.#order.dir, tilePath({ ...tile, width })));
        if (bytes.length === width * hashBytes) return bytes.subarray(0, (end - first) * hashBytes);
      } catch {
        // Another one may be there; if not, it is told below.
      }
    }
    faults.push({ tile: tilePath(tile), what: 'the tile is missing or not of its size' });
    return undefined;
  }
}
