/** Whether the time of a record, which is the gateway's word, can be true. Pure. */
import { minute } from '#shared/base/clock.ts';

/** A gateway goes by the controller's time within seconds; more than this is no drift. */
export const timeToleranceMs = 2 * minute;

export interface TimeDoubt {
  readonly ground: 'ahead' | 'behind';
  /** By how much, in milliseconds. */
  readonly byMs: number;
}

export interface TimeBounds {
  /** Everything from before that the gateway has told already, or it had not joined yet. */
  readonly since: number;
  /** When it came, by the controller's clock. */
  readonly arrived: number;
  /** A time of which the controller has lost what it was told, as it was restored: that comes again. */
  readonly lost?: { readonly from: number; readonly to: number };
}

/**
 * Between `since` and `arrived` anything is possible: a gateway that was away for days tells of those days. Undefined for a time that can be true.
 */
export function judgeTime(time: number, { since, arrived, lost }: TimeBounds): TimeDoubt | undefined {
  if (time > arrived + timeToleranceMs) return { ground: 'ahead', byMs: time - arrived };
  // Of a controller whose clock was set back `since` may lie after the arrival.
  const oldest = Math.min(since, arrived);
  if (time >= oldest - timeToleranceMs) return undefined;
  if (lost !== undefined && time >= lost.from - timeToleranceMs && time <= lost.to + timeToleranceMs) return undefined;
  return { ground: 'behind', byMs: oldest - time };
}
