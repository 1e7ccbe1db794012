/** Notices that the machine has slept: between two looks, more time has passed on the wall than the timer asked for. */
import { type Clock, second } from '#shared/base/clock.ts';

export interface WakeWatch {
  /** To be called every `everyMs`; true when there was a sleep, or the clock was set forward, since the last call. */
  tick(): boolean;
}

export const tickMs = 5 * second;
const toleranceMs = 20 * second;

export function watchWake(clock: Clock): WakeWatch {
  let last = clock.now();
  return {
    tick() {
      const now = clock.now();
      const slept = now - last > tickMs + toleranceMs;
      last = now;
      return slept;
    },
  };
}
