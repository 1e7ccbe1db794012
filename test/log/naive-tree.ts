/** RFC 6962 section 2.1, word for word: what the fast tree is compared with. */
import { createHash } from 'node:crypto';

const sha = (...parts: Uint8Array[]) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
const split = (n: number) => 2 ** Math.ceil(Math.log2(n) - 1);

export function naiveRoot(d: readonly Uint8Array[]): Buffer {
  if (d.length === 0) return sha();
  if (d.length === 1) return sha(Buffer.from([0]), d[0]!);
  const k = split(d.length);
  return sha(Buffer.from([1]), naiveRoot(d.slice(0, k)), naiveRoot(d.slice(k)));
}

/** The same with what was computed before kept, by its range: for proofs of many sizes. */
export class NaiveTree {
  readonly #d: readonly Uint8Array[];
  readonly #known = new Map<string, Buffer>();

  constructor(d: readonly Uint8Array[]) {
    this.#d = d;
  }

  root(from: number, to: number): Buffer {
    const key = `${from}-${to}`;
    const known = this.#known.get(key);
    if (known) return known;
    const k = split(to - from);
    const root =
      to - from < 2
        ? naiveRoot(this.#d.slice(from, to))
        : sha(Buffer.from([1]), this.root(from, from + k), this.root(from + k, to));
    this.#known.set(key, root);
    return root;
  }

  path(m: number, from: number, to: number): Buffer[] {
    if (to - from === 1) return [];
    const k = split(to - from);
    return m < k
      ? [...this.path(m, from, from + k), this.root(from + k, to)]
      : [...this.path(m - k, from + k, to), this.root(from, from + k)];
  }

  proof(m: number, n: number): Buffer[] {
    return m === 0 ? [] : this.#subproof(m, 0, n, true);
  }

  #subproof(m: number, from: number, to: number, whole: boolean): Buffer[] {
    if (m === to - from) return whole ? [] : [this.root(from, to)];
    const k = split(to - from);
    return m <= k
      ? [...this.#subproof(m, from, from + k, whole), this.root(from + k, to)]
      : [...this.#subproof(m - k, from + k, to, false), this.root(from, from + k)];
  }
}
