/**
 * Which leaves a pruning took, as bytes that its record commits to: for each tile of 256 leaves with some, its index (8 bytes, big-endian)
 * and one bit a leaf (32 bytes, the lowest bit of the first byte for the first leaf), in the order of the tiles.
 */
import { createHash, type Hash } from 'node:crypto';
import { tileWidth } from '#shared/log/tile-path.ts';

const entryBytes = 8 + tileWidth / 8;

export class PrunedLeaves {
  readonly #done: Buffer[] = [];
  #tile = -1;
  #entry: Buffer | undefined;
  count = 0;
  last = -1;

  /** In ascending order. */
  add(leaf: number): void {
    const tile = Math.floor(leaf / tileWidth);
    if (tile !== this.#tile || this.#entry === undefined) {
      this.#tile = tile;
      this.#entry = Buffer.alloc(entryBytes);
      this.#entry.writeBigUInt64BE(BigInt(tile));
      this.#done.push(this.#entry);
    }
    const at = leaf % tileWidth;
    const byte = 8 + (at >> 3);
    this.#entry[byte] = this.#entry[byte]! | (1 << (at & 7));
    this.count += 1;
    this.last = leaf;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#done);
  }
}

/** Of sets one behind the other that share no tile, as one. */
export function digestOfSets(sets: Iterable<Uint8Array>): string {
  const hash: Hash = createHash('sha256');
  for (const bytes of sets) hash.update(bytes);
  return hash.digest('hex');
}
