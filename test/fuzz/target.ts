/** What a fuzz target is: where cases come from, and what is wrong with one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type fc from 'fast-check';

/** A target at work. Whatever `judge` or `settle` throws is a find. */
export interface OpenTarget<Case = unknown> {
  readonly cases: fc.Arbitrary<Case>;
  /** Throws when the product did what it must not. Every case starts from the same state, or shrinking is of no use. */
  readonly judge: (one: Case) => Promise<void> | void;
  /** After each block: is it still alive, is everything given back? Throws when not. */
  readonly settle?: () => Promise<void> | void;
  readonly close?: () => Promise<void> | void;
}

export interface FuzzTarget {
  readonly name: string;
  readonly about: string;
  /** Cases between two looks at memory and at `settle`: about a second's worth. */
  readonly block: number;
  /** False where a find breaks the process for every later case, so that smaller ones would say nothing. */
  readonly shrinks?: boolean;
  readonly open: () => Promise<OpenTarget<never>>;
}

export class Find extends Error {
  override readonly name = 'Find';
}

/** Throws a find that says so. */
export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Find(what);
}

/** What rigs made for tap want of a test, for a run that has none. */
export class Rig {
  readonly #closers: (() => unknown)[] = [];

  teardown(close: () => unknown): void {
    this.#closers.push(close);
  }

  testdir(): string {
    const path = mkdtempSync(join(tmpdir(), 'postern-fuzz-'));
    this.teardown(() => rmSync(path, { recursive: true, force: true }));
    return path;
  }

  async close(): Promise<void> {
    for (const close of this.#closers.reverse()) await close();
    this.#closers.length = 0;
  }
}
