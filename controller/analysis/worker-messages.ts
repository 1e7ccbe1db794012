/** Between the controller and the thread of an analysis. */
import type { ErrorCode } from '#shared/base/errors.ts';

export interface WorkerOrder {
  /** Of the database. */
  readonly file: string;
  readonly timezone: string;
  readonly now: number;
  readonly name: string;
  readonly order: unknown;
}

export type WorkerMessage =
  | { readonly t: 'ready' }
  | { readonly t: 'progress'; readonly done: number; readonly total: number }
  | { readonly t: 'result'; readonly result: unknown }
  | {
      readonly t: 'failed';
      readonly code: ErrorCode;
      readonly message: string;
      readonly tell?: string;
      readonly extra?: Readonly<Record<string, unknown>>;
    };
