/** When a stream tries again. */
import { second } from '#shared/base/clock.ts';

const firstMs = second / 2;
const mostMs = 60 * second;

/** Doubles from try to try up to a minute, and lies between half of that and all of it: many streams do not come back at once. */
export function backoff(tries: number, random: () => number): number {
  const whole = Math.min(mostMs, firstMs * 2 ** Math.min(tries, 10));
  return whole / 2 + (random() * whole) / 2;
}
