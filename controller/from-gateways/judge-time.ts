/** Whether the time of a record, which is the gateway's word, can be true. Pure. */
import { minute } from '#shared/base/clock.ts';

/** A gateway goes by the controller's time within seconds; more than this is no drift. */
export const timeToleranceMs = 2 * minute;

export interface TimeDoubt {
  readonly ground: 'ahead' | 'behind';
  /** By how much, in milliseconds. */
  readonly byMs: number;
}

/**
 * `arrived`: when it came, by the controller's clock; `since`: everything from before that the gateway has told already, or it had not joined yet.
 * Between the two anything is possible: a gateway that was away for days tells of those days. Undefined for a time that can be true.
 */
export function judgeTime(
  time: number,
  { since, arrived }: { readonly since: number; readonly arrived: number },
): TimeDoubt | undefined {
  if (time > arrived + timeToleranceMs) return { ground: 'ahead', byMs: time - arrived };
  // Of a controller whose clock was set back `since` may lie after the arrival.
  const oldest = Math.min(since, arrived);
  return time < oldest - timeToleranceMs ? { ground: 'behind', byMs: oldest - time } : undefined;
}
