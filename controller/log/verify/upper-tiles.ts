/** The upper part of the tree, put together from the roots of its lowest tiles and compared with the tiles on a disk. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tilePath, tileWidth } from '#shared/log/tile-path.ts';
import { hashesAt, tileAt } from '#shared/log/tiles.ts';
import { emptyRoot, hashBytes, RightEdge, rootOf, splitHashes } from '#shared/log/tree-hash.ts';
import type { FaultList } from './fault-list.ts';

export interface TileFolder {
  readonly dir: string;
  readonly size: number;
  /** The size that the tiles are of. */
  readonly tiled: number;
}

/** Tiles above level 0, each compared with what those below it give. Returns the root of the tree. */
export function checkUpperTiles({ dir, size, tiled }: TileFolder, lowest: Buffer, faults: FaultList): Buffer {
  let rows = splitHashes(lowest);
  const partial = size % tileWidth === 0 ? [] : rows.splice(-1);
  for (let level = 1; hashesAt(level, tiled) > 0; level += 1) {
    const upper: Buffer[] = [];
    for (let index = 0; index * tileWidth < rows.length; index += 1) {
      const hashes = rows.slice(index * tileWidth, (index + 1) * tileWidth);
      if (hashes.length === tileWidth) upper.push(rootOf(hashes));
      const tile = tileAt(level, index, tiled);
      if (tile === undefined) continue;
      const found = readTiles(dir, level, index, tile.width);
      if (found === undefined) faults.push({ tile: tilePath(tile), what: 'the tile is missing or not of its size' });
      else if (!found.equals(Buffer.concat(hashes.slice(0, tile.width)))) {
        const at = hashes.findIndex(
          (hash, place) => !found.subarray(place * hashBytes, (place + 1) * hashBytes).equals(hash),
        );
        const leaf = (index * tileWidth + at) * tileWidth ** level;
        const what = `the tile says otherwise than the ${tileWidth ** level} leaves from ${leaf} on`;
        faults.push({ tile: tilePath(tile), leaf, what });
      }
    }
    rows = upper;
  }
  return rootOfTiles(splitHashes(lowest).slice(0, Math.floor(size / tileWidth)), partial);
}

/** A partial tile is the right part of the tree, whatever its height. */
function rootOfTiles(full: readonly Buffer[], partial: readonly Buffer[]): Buffer {
  if (full.length === 0) return partial[0] ?? emptyRoot;
  const edge = new RightEdge();
  for (const root of full) edge.append(root);
  return partial[0] === undefined ? edge.root() : edge.rootWith(partial[0]);
}

function readTiles(dir: string, level: number, index: number, width: number): Buffer | undefined {
  for (const named of new Set([width, tileWidth])) {
    try {
      const bytes = readFileSync(join(dir, tilePath({ level, index, width: named })));
      if (bytes.length === named * hashBytes) return bytes.subarray(0, width * hashBytes);
    } catch {
      // Another one may be there.
    }
  }
  return undefined;
}
