/** Which tiles a tree of a size has, and nodes of the tree out of tiles (C2SP tlog-tiles). */
import { PosternError } from '../base/errors.ts';
import { type Tile, tileWidth } from './tile-path.ts';
import { hashBytes, nodeHash } from './tree-hash.ts';

/** The hashes of a tile, `width` times 32 bytes. Rejects when it cannot be had. */
export type ReadTile = (tile: Tile) => Promise<Uint8Array>;

/** The hash of a complete subtree of 2^level leaves. */
export type ReadNode = (level: number, index: number) => Promise<Buffer>;

/** How many hashes the tree has at a level of tiles. */
export function hashesAt(level: number, size: number): number {
  return Math.floor(size / tileWidth ** level);
}

/** The tile at a place in a tree of `size`: full, or partial at the right edge. Undefined beyond it. */
export function tileAt(level: number, index: number, size: number): Tile | undefined {
  const width = Math.min(tileWidth, hashesAt(level, size) - index * tileWidth);
  return width > 0 ? { level, index, width } : undefined;
}

/** Tiles of a tree of `size` that one of `from` did not have as they are: level by level, the lowest first. */
export function* tilesBetween(from: number, size: number): Generator<Tile> {
  for (let level = 0; hashesAt(level, size) > 0; level += 1) {
    if (hashesAt(level, from) === hashesAt(level, size)) continue;
    const first = Math.floor(hashesAt(level, from) / tileWidth);
    for (let index = first; ; index += 1) {
      const tile = tileAt(level, index, size);
      if (tile === undefined) break;
      yield tile;
    }
  }
}

/** The hashes of a tile apart. Throws `log-broken` for bytes that are not as many. */
export function hashesOf(tile: Tile, bytes: Uint8Array): Buffer[] {
  if (bytes.length !== tile.width * hashBytes) {
    throw new PosternError('log-broken', `tile ${tile.level}/${tile.index} has ${bytes.length} bytes`);
  }
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: tile.width }, (_, at) => all.subarray(at * hashBytes, (at + 1) * hashBytes));
}

/** Tiles in memory: those of one path, and of the right edge. */
const mostHeld = 16;

/** Nodes of a tree of `size`, out of its tiles. A level between two levels of tiles is hashed from the lower one. */
export function nodesFromTiles(readTile: ReadTile, size: number): ReadNode {
  // What is asked next is mostly beside what was asked before, and each path ends at the right edge, at every level.
  const held = new Map<string, Buffer[][]>();
  return async (level, index) => {
    const tileLevel = Math.floor(level / 8);
    const height = level % 8;
    const perTile = tileWidth / 2 ** height;
    const tile = tileAt(tileLevel, Math.floor(index / perTile), size);
    if (tile === undefined || ((index % perTile) + 1) * 2 ** height > tile.width) {
      throw new PosternError('log-broken', `a tree of ${size} has no node ${level}/${index}`);
    }
    const key = `${tileLevel}/${tile.index}`;
    let rows = held.get(key);
    if (rows === undefined) {
      rows = [hashesOf(tile, await readTile(tile))];
      held.set(key, rows);
      const [oldest] = held.keys();
      if (held.size > mostHeld && oldest !== undefined) held.delete(oldest);
    }
    while (rows.length <= height) rows.push(pairsOf(rows.at(-1)!));
    return rows[height]![index % perTile]!;
  };
}

const pairsOf = (row: readonly Buffer[]): Buffer[] =>
  Array.from({ length: Math.floor(row.length / 2) }, (_, at) => nodeHash(row[2 * at]!, row[2 * at + 1]!));
