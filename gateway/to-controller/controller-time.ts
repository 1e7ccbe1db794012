/**
 * The controller's time, learned from its messages (P19). The largest difference seen is the least delayed message, and thus
 * the best; a message far behind what it leads to expect was held back on its way, and does not make the gateway fresh.
 */
import { type Clock, second, steadyOf } from '#shared/base/clock.ts';
import { staleAfterMs } from '#shared/contracts/gateway-to-controller.ts';
import type { ControllerTimes } from '../state/state-keeper.ts';

const mostDelay = 10 * second;

export class ControllerTime {
  readonly #clock: Clock;
  /** Differences are measured by it, so that setting this machine's clock looks like no delay and hides none. */
  readonly #steady: Clock;
  #offset: number | undefined;
  #freshUntil = 0;
  #isHeldBack = false;

  constructor(clock: Clock, steady = steadyOf(clock)) {
    this.#clock = clock;
    this.#steady = steady;
  }

  /** The last message came far later than it should have; or the controller's clock was set back. A new connection tells. */
  get isHeldBack(): boolean {
    return this.#isHeldBack;
  }

  /** A new connection measures anew: either clock may have drifted or been set meanwhile. */
  restart(): void {
    this.#offset = undefined;
  }

  /** `time`: of a message that has just come. */
  observe(time: number): ControllerTimes {
    const now = this.#steady.now();
    const measured = time - now;
    this.#offset = Math.max(measured, this.#offset ?? measured);
    this.#isHeldBack = this.#offset - measured > mostDelay;
    if (!this.#isHeldBack) this.#freshUntil = time + staleAfterMs;
    return {
      offset: now + this.#offset - this.#clock.now(),
      steadyOffset: this.#offset,
      freshUntil: this.#freshUntil,
    };
  }
}
