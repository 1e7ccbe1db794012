/** Holds the snapshot in force and the controller's time; a message that cannot be taken changes nothing (invariant 6). */
import { type Clock, steadyOf } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { compileSnapshot, type GatewayIdentity, type GatewaySnapshot } from './snapshot.ts';
import { asSnapshot, type StreamMessage, type WireState } from './stream-types.ts';
import { reduceMessage } from './wire-state.ts';

export interface ControllerTimes {
  /** Controller time minus this machine's, in milliseconds. */
  readonly offset: number;
  /** The same for this machine's steady clock. */
  readonly steadyOffset?: number;
  /** Controller time after which the gateway is stale. */
  readonly freshUntil: number;
}

export class StateKeeper {
  readonly #identity: GatewayIdentity;
  readonly #clock: Clock;
  readonly #steady: Clock;
  #times: ControllerTimes = { offset: 0, freshUntil: 0 };
  #snapshot: (GatewaySnapshot & { readonly wire: WireState }) | undefined;

  constructor(identity: GatewayIdentity, clock: Clock, steady = steadyOf(clock)) {
    this.#identity = identity;
    this.#clock = clock;
    this.#steady = steady;
  }

  /** Throws before the first snapshot. */
  get snapshot(): GatewaySnapshot & { readonly wire: WireState } {
    if (this.#snapshot === undefined) throw new PosternError('unavailable', 'nothing is known of the controller yet');
    return this.#snapshot;
  }

  get isEmpty(): boolean {
    return this.#snapshot === undefined;
  }

  /**
   * Controller time in milliseconds. Whichever clock is ahead counts: a clock that was set back must not give grants a longer
   * life, nor may sleep, in which the steady one stands still. The next message puts right one that was set ahead.
   */
  time(): number {
    return this.#timeBy(this.#times);
  }

  #timeBy({ offset, steadyOffset }: ControllerTimes): number {
    const time = this.#clock.now() + offset;
    return steadyOffset === undefined ? time : Math.max(time, this.#steady.now() + steadyOffset);
  }

  get times(): ControllerTimes {
    return this.#times;
  }

  /** The whole state as one message, for a worker that starts later. */
  asMessage(): StreamMessage {
    return asSnapshot(this.snapshot.wire, this.time());
  }

  /** Throws `bad-answer` for a gap, a step back or content that cannot be used; the old snapshot stays. */
  apply(message: StreamMessage, times: ControllerTimes): void {
    const before = this.#snapshot;
    const wire = reduceMessage(before?.wire, message);
    if (wire === 'gap' || wire === 'step-back') throw new PosternError('bad-answer', `the stream has a ${wire}`);
    const { freshUntil } = times;
    const at = this.#timeBy(times);
    this.#snapshot =
      wire === before?.wire
        ? { ...before, freshUntil }
        : compileSnapshot(this.#identity, wire, { at, freshUntil }, before);
    this.#times = times;
  }
}
