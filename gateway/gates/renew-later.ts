/**
 * P14: when a refused grant may be renewed. Each has its own moment in the time that the controller needs for all of them, the same
 * for every request under it, so that thousands of agents do not come in one instant.
 */
import type { GatewaySnapshot } from '../state/snapshot.ts';
import type { Refusal } from './ask.ts';

/** `name`: anything random about the grant, its id or its signature. `at`: controller time in milliseconds. */
export function renewLater(
  name: string,
  { spread }: Pick<GatewaySnapshot, 'spread'>,
  at: number,
): Pick<Refusal, 'extra'> {
  if (spread === undefined || at >= spread.until) return {};
  const moment = spread.from + fraction(name) * (spread.until - spread.from);
  return moment <= at ? {} : { extra: { retryAfterMs: Math.ceil(moment - at) } };
}

/** From 0 to 1, evenly, by FNV-1a: a secret is not needed where each may come when it likes. */
function fraction(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at += 1) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  // The low bits of names that differ in their last letter only are mixed into the high ones.
  hash ^= hash >>> 15;
  return (Math.imul(hash, 0x2c1b3c6d) >>> 0) / 2 ** 32;
}
