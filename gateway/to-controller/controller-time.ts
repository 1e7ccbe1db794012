/**
 * The controller's time, learned from its messages (P19). The largest difference seen is the least delayed message, and thus
 * the best; a message far behind what it leads to expect was held back on its way, and does not make the gateway fresh.
 */
import type { Clock } from '#shared/base/clock.ts';
import { second } from '#shared/base/clock.ts';
import { staleAfterMs } from '#shared/contracts/gateway-to-controller.ts';
import type { ControllerTimes } from '../state/state-keeper.ts';

const mostDelay = 10 * second;

export class ControllerTime {
  readonly #clock: Clock;
  #offset: number | undefined;
  #freshUntil = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A new connection measures anew: this machine's clock may have been set meanwhile. */
  restart(): void {
    this.#offset = undefined;
  }

  /** `time`: of a message that has just come. */
  observe(time: number): ControllerTimes {
    const measured = time - this.#clock.now();
    this.#offset = Math.max(measured, this.#offset ?? measured);
    if (this.#offset - measured <= mostDelay) this.#freshUntil = time + staleAfterMs;
    return { offset: this.#offset, freshUntil: this.#freshUntil };
  }
}
