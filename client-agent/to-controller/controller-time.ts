/**
 * The controller's time on this device, whose own clock may be wrong: what knocks carry and certificates are judged by here. Nobody else
 * relies on it (P19): it lengthens nothing that a server counts.
 */
import { type Clock, second, steadyOf } from '#shared/base/clock.ts';

/** Below this the device's own clock is as good. */
const toleranceMs = 5 * second;

interface Heard {
  /** Controller's time minus the device's. */
  readonly offsetMs: number;
  readonly at: number;
  readonly steadyAt: number;
}

export class ControllerTime implements Clock {
  readonly #device: Clock;
  readonly #steady: Clock;
  #heard: Heard | undefined;

  constructor(device: Clock, steady = steadyOf(device)) {
    this.#device = device;
    this.#steady = steady;
  }

  /** To be told of every controller time that comes along over a connection that has proven to be the controller's. */
  heard(time: number): void {
    const at = this.#device.now();
    this.#heard = { offsetMs: time - at, at, steadyAt: this.#steady.now() };
  }

  now(): number {
    const { offsetMs } = this;
    const device = this.#device.now();
    return offsetMs === undefined || Math.abs(offsetMs) < toleranceMs ? device : device + offsetMs;
  }

  /**
   * As last heard, in ms. Undefined before anything was heard, and once the device's clock was set or the device slept, which look the
   * same: what was heard says nothing about the clock that there is now.
   */
  get offsetMs(): number | undefined {
    if (this.#heard === undefined) return undefined;
    const { offsetMs, at, steadyAt } = this.#heard;
    const leap = this.#device.now() - at - (this.#steady.now() - steadyAt);
    if (Math.abs(leap) >= toleranceMs) this.#heard = undefined;
    return this.#heard === undefined ? undefined : offsetMs;
  }
}
