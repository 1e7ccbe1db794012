/** What the thread that searches is asked, and what it answers. */
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

export interface SearchTasks {
  search: { readonly order: SearchOrder; readonly answer: Found };
  stats: { readonly order: StatsOrder; readonly answer: Stats };
  state: { readonly order: null; readonly answer: IndexState };
  /** Milliseconds to work. */
  advance: { readonly order: number; readonly answer: Advanced };
}
export type SearchTask = keyof SearchTasks;

export interface SearchMessage {
  readonly place: LogPlace;
  readonly task: SearchTask;
  readonly order: unknown;
}
