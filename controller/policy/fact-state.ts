/** How a fact of a device stands at a moment, and how long ago things were, in words. */
import { day, hour, minute } from '#shared/base/clock.ts';
import type { PostureFact } from './facts.ts';
import { isFresh } from './facts-to-context.ts';

/** `unknown`: the device could not tell. `stale`: it told too long ago. All but `passed` count as the worst value. */
export type FactState = 'passed' | 'failed' | 'unknown' | 'stale' | 'never-reported';

export function factState(fact: PostureFact | undefined, at: number): FactState {
  if (fact === undefined) return 'never-reported';
  if (!isFresh(fact, at)) return 'stale';
  if (fact.status === 'pass') return 'passed';
  return fact.status === 'fail' ? 'failed' : 'unknown';
}

export function tellAge(ms: number): string {
  const minutes = Math.floor(ms / minute);
  if (minutes < 2) return 'a moment';
  if (minutes < 120) return `${minutes} min`;
  return ms < 2 * day ? `${Math.floor(ms / hour)} h` : `${Math.floor(ms / day)} days`;
}
