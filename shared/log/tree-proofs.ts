/** Inclusion and consistency proofs (RFC 6962 sections 2.1.1 and 2.1.2), made from the nodes of a tree. */
import type { ReadNode } from './tiles.ts';
import { emptyRoot, nodeHash, splitOf } from './tree-hash.ts';

/** From the sibling of the leaf up to the child of the root. Throws RangeError for a leaf that is not in the tree. */
export async function proveInclusion(index: number, size: number, node: ReadNode): Promise<Buffer[]> {
  if (!isWhole(index) || !isWhole(size) || index >= size) throw new RangeError(`no leaf ${index} in a tree of ${size}`);
  const path: Buffer[] = [];
  let from = 0;
  let to = size;
  while (to - from > 1) {
    const middle = from + splitOf(to - from);
    if (index < middle) {
      path.push(await rootBetween(middle, to, node));
      to = middle;
    } else {
      path.push(await rootBetween(from, middle, node));
      from = middle;
    }
  }
  return path.reverse();
}

/** That a tree of `size` begins with one of `former`. Empty for equal sizes, and for a former tree without leaves. */
export async function proveConsistency(former: number, size: number, node: ReadNode): Promise<Buffer[]> {
  if (!isWhole(former) || !isWhole(size) || former > size) throw new RangeError(`${former} is past ${size}`);
  if (former === 0 || former === size) return [];
  const path: Buffer[] = [];
  let from = 0;
  let to = size;
  while (to !== former) {
    const middle = from + splitOf(to - from);
    if (former <= middle) {
      path.push(await rootBetween(middle, to, node));
      to = middle;
    } else {
      path.push(await rootBetween(from, middle, node));
      from = middle;
    }
  }
  // What is left is a complete subtree of the former tree; its hash is known to whoever has the former root when it is all of it.
  if (from > 0) path.push(await rootBetween(from, to, node));
  return path.reverse();
}

/** The root of a tree of `size`. */
export async function rootFromNodes(size: number, node: ReadNode): Promise<Buffer> {
  return size === 0 ? emptyRoot : rootBetween(0, size, node);
}

/** Of leaves that RFC 6962 splits off together: a complete subtree, or one whose left part is. */
async function rootBetween(from: number, to: number, node: ReadNode): Promise<Buffer> {
  const count = to - from;
  if (count === 1) return node(0, from);
  const half = splitOf(count);
  if (half * 2 === count) return node(Math.log2(count), from / count);
  return nodeHash(await rootBetween(from, from + half, node), await rootBetween(from + half, to, node));
}

const isWhole = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
