/** What the thread that searches is asked, and what it answers. */
import type { IndexFault } from '#shared/contracts/admin-proofs.ts';
import type { IndexState } from './log-index.ts';
import type { Found, SearchOrder } from './run-search.ts';
import type { Stats, StatsOrder } from './run-stats.ts';

export interface LogPlace {
  /** Of the database. */
  readonly file: string;
  /** What names the log: an index of another one is made anew. */
  readonly log: string;
}

export interface Advanced {
  /** Nothing is left to be done now. */
  readonly done: boolean;
  /** The number of the last change of old records that was followed. */
  readonly followed: number;
  readonly through: number;
}

/** Compares a block of the index with the records. What is not right is made anew. */
export interface LookOrder {
  /** The one before it, by its first position; below 1 a share of all of them. */
  readonly after: number;
  /** Milliseconds: asked again, it goes on. */
  readonly forMs: number;
}

export interface Looked {
  readonly done: boolean;
  /** Which it was; absent for none. */
  readonly block?: number | undefined;
}

export interface SearchTasks {
  search: { readonly order: SearchOrder; readonly answer: Found };
  stats: { readonly order: StatsOrder; readonly answer: Stats };
  state: { readonly order: null; readonly answer: IndexState };
  /** Milliseconds to work. */
  advance: { readonly order: number; readonly answer: Advanced };
  look: { readonly order: LookOrder; readonly answer: Looked };
  /** Makes anew what was found not to be right: a block, or without one all. */
  mend: { readonly order: Mended; readonly answer: null };
}
export type SearchTask = keyof SearchTasks;

export interface SearchMessage {
  readonly place: LogPlace;
  readonly task: SearchTask;
  readonly order: unknown;
}

/** What of the index was made anew, and why. */
export interface Mended {
  /** By its first position; absent when it was all of it. */
  readonly block?: number;
  readonly faults: readonly IndexFault[];
  /** Beyond those. */
  readonly more: number;
}

export interface SearchAnswer {
  readonly answer?: unknown;
  readonly failed?: string;
  readonly mended?: readonly Mended[];
}
