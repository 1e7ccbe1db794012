/** The device's own share of P11: asks for at most `perSecond` grants, so that one page cannot spend what others need. */
import type { Clock } from '#shared/base/clock.ts';

export interface AskBudget {
  /** Takes one; the milliseconds to wait before it may be used. */
  take(): number;
}

export function createAskBudget(clock: Clock, perSecond = 20): AskBudget {
  const stepMs = 1000 / perSecond;
  /** When the next ask would be in its place if all asks were evenly spread. */
  let next = 0;
  return {
    take() {
      const now = clock.now();
      // A second's worth may come at once.
      next = Math.max(next, now - 1000) + stepMs;
      // A clock that was set back must not stop everything.
      if (next - now > 60_000) next = now;
      return Math.max(0, next - now);
    },
  };
}
