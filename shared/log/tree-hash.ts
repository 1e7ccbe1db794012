/**
 * The Merkle tree of RFC 6962 section 2.1: hashes of leaves and nodes, and the right edge that is all a growing tree needs.
 * Sizes and indexes are whole numbers up to 2^53, so that halves are taken by division and never by 32-bit operators.
 */
import { hash } from 'node:crypto';

export const hashBytes = 32;
/** The root of a tree without leaves. */
export const emptyRoot: Buffer = hash('sha256', '', 'buffer');

const pair = Buffer.alloc(1 + 2 * hashBytes, 1);

/** Through a text of 32 characters: a buffer from the pool costs a third of one that the hash makes itself. */
const sha256 = (bytes: Uint8Array): Buffer => Buffer.from(hash('sha256', bytes, 'latin1'), 'latin1');

/** SHA-256(0x00 || entry). */
export function leafHash(entry: Uint8Array): Buffer {
  const marked = Buffer.allocUnsafe(entry.length + 1);
  marked[0] = 0;
  marked.set(entry, 1);
  return sha256(marked);
}

const scratch = Buffer.alloc(1 + 64 * 1024);

/** The same of a text, as UTF-8. */
export function leafTextHash(text: string): Buffer {
  // A character of a text has three bytes at most; past that it is no leaf that a log takes, and still has its hash.
  if (text.length * 3 >= scratch.length) return leafHash(Buffer.from(text));
  return sha256(scratch.subarray(0, 1 + scratch.write(text, 1)));
}

/** The same in hex, for who compares many with texts. */
export function leafTextHex(text: string): string {
  if (text.length * 3 >= scratch.length) return leafTextHash(text).toString('hex');
  return hash('sha256', scratch.subarray(0, 1 + scratch.write(text, 1)), 'hex');
}

/** SHA-256(0x01 || left || right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  pair.set(left, 1);
  pair.set(right, 1 + hashBytes);
  return sha256(pair);
}

/** The largest power of two below `size`, which is at least 2: where a tree is split. */
export function splitOf(size: number): number {
  let half = 1;
  while (half * 2 < size) half *= 2;
  return half;
}

/** A complete subtree: `level` 0 is a leaf, and it holds 2^level leaves from `index` * 2^level on. */
export type OnNode = (level: number, index: number, hash: Buffer) => void;

/** The complete subtrees of which a tree consists, from the largest to the smallest: enough to go on, and for the root. */
export class RightEdge {
  #size = 0;
  /** By level; empty where the size has no bit. */
  readonly #nodes: (Buffer | undefined)[] = [];

  /** `text` as `toText` gave it. Throws TypeError for one that does not fit the size. */
  static fromText(size: number, text: string): RightEdge {
    const edge = new RightEdge();
    edge.#size = size;
    const bytes = Buffer.from(text, 'hex');
    let at = bytes.length;
    for (let level = 0, rest = size; rest > 0; level += 1, rest = Math.floor(rest / 2)) {
      if (rest % 2 === 0) continue;
      at -= hashBytes;
      if (at < 0) break;
      edge.#nodes[level] = bytes.subarray(at, at + hashBytes);
    }
    if (at !== 0 || bytes.length * 2 !== text.length) throw new TypeError('the right edge does not fit the size');
    return edge;
  }

  get size(): number {
    return this.#size;
  }

  /** `onNode` hears of each subtree that this leaf completes, the leaf itself first. */
  append(leaf: Buffer, onNode?: OnNode): void {
    let node = leaf;
    let index = this.#size;
    let level = 0;
    onNode?.(level, index, node);
    for (; index % 2 === 1; index = (index - 1) / 2) {
      node = nodeHash(this.#nodes[level]!, node);
      this.#nodes[level] = undefined;
      level += 1;
      onNode?.(level, (index - 1) / 2, node);
    }
    this.#nodes[level] = node;
    this.#size += 1;
  }

  root(): Buffer {
    let root: Buffer | undefined;
    for (const node of this.#nodes) {
      if (node !== undefined) root = root === undefined ? node : nodeHash(node, root);
    }
    return root ?? emptyRoot;
  }

  /** The root with one more part, of whatever height, at its right: what is left of a tree whose full tiles these nodes are. */
  rootWith(last: Buffer): Buffer {
    let root = last;
    for (const node of this.#nodes) if (node !== undefined) root = nodeHash(node, root);
    return root;
  }

  /** Hex of its hashes, from the largest subtree to the smallest. */
  toText(): string {
    return this.#nodes
      .filter((node) => node !== undefined)
      .reverse()
      .map((node) => node.toString('hex'))
      .join('');
  }
}

/** The root over hashes of leaves, or of subtrees of equal height. */
export function rootOf(hashes: readonly Buffer[]): Buffer {
  const edge = new RightEdge();
  for (const one of hashes) edge.append(one);
  return edge.root();
}

/** Hashes that stand one behind the other, apart; the bytes are shared. */
export const splitHashes = (bytes: Buffer): Buffer[] =>
  Array.from({ length: bytes.length / hashBytes }, (_, at) => bytes.subarray(at * hashBytes, (at + 1) * hashBytes));

/** The same root, of hashes that stand one behind the other. */
export function rootOfBytes(hashes: Buffer): Buffer {
  if (!Number.isInteger(Math.log2(hashes.length))) return rootOf(splitHashes(hashes));
  // Of a complete tree each level is hashed as a whole, and needs no buffer but this one.
  const level = Buffer.from(hashes);
  for (let length = level.length; length > hashBytes; length /= 2) {
    for (let at = 0; at < length; at += 2 * hashBytes) {
      level.copy(pair, 1, at, at + 2 * hashBytes);
      level.write(hash('sha256', pair, 'latin1'), at / 2, 'latin1');
    }
  }
  return level.subarray(0, hashBytes);
}
