/** Checks of proofs (RFC 9162 sections 2.1.3.2 and 2.1.4.2; the proofs are those of RFC 6962). Nothing of the tree is needed. */
import { timingSafeEqual } from 'node:crypto';
import { emptyRoot, hashBytes, nodeHash } from './tree-hash.ts';

export interface TreeHead {
  readonly size: number;
  readonly root: Uint8Array;
}

/** Whether the leaf with this hash stands at `index` of the tree. False for whatever does not fit together. */
export function isIncluded(leaf: Uint8Array, index: number, proof: readonly Uint8Array[], head: TreeHead): boolean {
  if (!isWhole(index) || !isWhole(head.size) || index >= head.size) return false;
  let at = index;
  let last = head.size - 1;
  let hash: Uint8Array = leaf;
  for (const step of proof) {
    if (last === 0 || step.length !== hashBytes) return false;
    if (at % 2 === 1 || at === last) {
      hash = nodeHash(step, hash);
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)];
    } else {
      hash = nodeHash(hash, step);
    }
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 && equal(hash, head.root);
}

/** Whether the tree of `head` begins with that of `former`. False for whatever does not fit together. */
export function isConsistent(former: TreeHead, head: TreeHead, proof: readonly Uint8Array[]): boolean {
  if (!isWhole(former.size) || !isWhole(head.size) || former.size > head.size) return false;
  if (proof.some((step) => step.length !== hashBytes)) return false;
  if (former.size === head.size) return proof.length === 0 && equal(former.root, head.root);
  // Every tree begins with the empty one.
  if (former.size === 0) return proof.length === 0 && equal(former.root, emptyRoot);
  let at = former.size - 1;
  let last = head.size - 1;
  while (at % 2 === 1) [at, last] = [(at - 1) / 2, Math.floor(last / 2)];
  // The former tree is a complete subtree when nothing is left of its size; its root then begins the proof.
  const steps = at === 0 ? [former.root, ...proof] : [...proof];
  const first = steps.shift();
  if (first === undefined) return false;
  let formerHash: Uint8Array = first;
  let hash: Uint8Array = first;
  for (const step of steps) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      formerHash = nodeHash(step, formerHash);
      hash = nodeHash(step, hash);
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)];
    } else {
      hash = nodeHash(hash, step);
    }
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 && equal(formerHash, former.root) && equal(hash, head.root);
}

const isWhole = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
const equal = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);
