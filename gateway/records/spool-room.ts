/**
 * How much the spools may still take, and for whom (P24): openings as long as the spools hold less than they may and the disk keeps its
 * reserve; refusals a share of their own, so that a flood of them never stops those who are let in; what ends an access, always.
 */
import { statfsSync } from 'node:fs';
import type { SpoolDirectory } from './spool-directory.ts';

export interface SpoolLimits {
  /** Bytes that all spools of the directory may hold before openings are refused. */
  readonly maxBytes: number;
  /** Bytes of disk left for closings, certificates and whoever cleans up; 0 unless told. */
  readonly reserveBytes?: number;
  /** How many write to the directory at once, this one included; 1 unless told. */
  readonly writers?: number;
}

const denialShare = 0.25;

export class SpoolRoom {
  readonly #directory: SpoolDirectory;
  readonly #limits: SpoolLimits;
  /** Bytes of refusals, by segment: of this writer as it counts them, of others as their last lines tell. */
  readonly #denials = new Map<string, number>();
  readonly #own = new Set<string>();
  #others = 0;
  #free = Number.POSITIVE_INFINITY;

  constructor(directory: SpoolDirectory, limits: SpoolLimits) {
    this.#directory = directory;
    this.#limits = limits;
  }

  /** Looks at directory and disk; `current`: the segment now written to. Called once a second. */
  measure(current: string): void {
    const sizes = this.#directory.sizes();
    for (const spool of this.#denials.keys()) if (!sizes.has(spool)) this.#denials.delete(spool);
    for (const spool of this.#own) if (!sizes.has(spool) && spool !== current) this.#own.delete(spool);
    for (const spool of sizes.keys()) {
      // A segment that its writer still has says nothing yet: that writer counts it.
      if (!this.#denials.has(spool) && !this.#own.has(spool)) {
        const { left, denials } = this.#directory.readEnd(spool);
        if (left) this.#denials.set(spool, denials);
      }
    }
    sizes.delete(current);
    this.#others = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    this.#free = freeBytes(this.#directory.path);
  }

  /** Why no opening is taken now; `length`: bytes of the current segment. */
  refusal(length: number): string | undefined {
    const { maxBytes, reserveBytes = 0 } = this.#limits;
    if (this.#others + length >= maxBytes) return 'the spool is full: the controller takes no records';
    if (this.#free < reserveBytes) return `the disk has ${this.#free} bytes left, which are reserved`;
    return undefined;
  }

  /** Every writer has an equal part of what the segments that were left do not hold. */
  takesDenials(): boolean {
    const { maxBytes, writers = 1, reserveBytes = 0 } = this.#limits;
    let [own, others] = [0, 0];
    for (const [spool, bytes] of this.#denials) {
      if (this.#own.has(spool)) own += bytes;
      else others += bytes;
    }
    return own * writers + others < maxBytes * denialShare && this.#free >= reserveBytes;
  }

  countDenial(spool: string, bytes: number): void {
    this.#own.add(spool);
    this.#denials.set(spool, (this.#denials.get(spool) ?? 0) + bytes);
  }
}

/** What this user may still write; without a limit where the system does not tell. */
function freeBytes(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
