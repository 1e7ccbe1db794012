/**
 * The ladder to one server that may hide: which rung of `rungs.ts` is tried first. The one that worked is remembered for the
 * network and comes first there from then on; now and then the way from the top is tried again.
 */
import { type Clock, minute, steadyOf } from '../../base/clock.ts';
import { PosternError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { FrontDoor } from '../../contracts/knock.ts';
import { type Climbed, climb } from './climb.ts';
import type { DialRung } from './dial-rung.ts';
import type { KnockSource } from './knock-source.ts';
import { type LegFailure, NotReached } from './leg-failure.ts';
import type { ProxyPlace } from './proxy-of.ts';
import type { Destroyable, Place, Reach, ReachOrder, Secure } from './reach.ts';
import { type Rung, rungName, rungsOf } from './rungs.ts';
import { systemWait, type Wait } from './staggered.ts';

export interface RememberedRung {
  readonly rung: string;
  /** When the way from the top was tried last, in milliseconds since the epoch. */
  readonly at: number;
}

/** By network and door. */
export interface RungMemory {
  get(network: string, door: string): RememberedRung | undefined;
  set(network: string, door: string, remembered: RememberedRung): void;
}

export interface LadderParts {
  /** As memory, log and `postern status` name it. */
  readonly name: string;
  /** As it was last told. */
  readonly door: () => FrontDoor;
  /** Undefined when nothing to knock with was ever given. */
  readonly source: () => KnockSource | undefined;
  /** The door may be another one than was told: every other way is tried last. */
  readonly mayGuess: boolean;
  readonly usualUdp: readonly number[];
  readonly proxy: (to: Place) => ProxyPlace | undefined;
  readonly network: () => string;
  readonly memory: RungMemory;
  readonly dial: DialRung;
  readonly clock: Clock;
  readonly log: Log;
  readonly wait?: Wait | undefined;
}

export interface LadderState {
  /** `host:port`. */
  readonly address?: string;
  /** The one that worked last. */
  readonly rung?: string;
  /** Those that would come before it. */
  readonly above: readonly string[];
  /** True when nothing led there the last time. */
  readonly isFailing: boolean;
  /** When that was, by this machine's clock. */
  readonly failedAt?: number;
  /** When the way was last looked for, by this machine's clock. */
  readonly lookedAt?: number;
  /** What failed then: why it is this rung, or why it is none. */
  readonly failures: readonly LegFailure[];
}

/** A lower rung is stayed on for so long before the way from the top is tried again. */
export const upwardMs = 15 * minute;

export class Ladder implements Reach {
  readonly #parts: LadderParts;
  readonly #steady: Clock;
  #looking: Promise<unknown> | undefined;
  #state: LadderState = { above: [], isFailing: false, failures: [] };

  constructor(parts: LadderParts) {
    this.#parts = parts;
    this.#steady = steadyOf(parts.clock);
  }

  get name(): string {
    return this.#parts.name;
  }

  get state(): LadderState {
    return this.#state;
  }

  async connect<T extends Destroyable>(to: ReachOrder, secure: Secure<T>): Promise<T> {
    // Where the way is not known one looks for it, and the others follow.
    if (this.#looking !== undefined) await this.#untilKnown(this.#looking, to.signal);
    const { rungs, isLooking } = this.#order(to);
    const climbing = this.#climb(to, rungs, secure);
    if (isLooking && rungs.length > 1 && this.#looking === undefined) {
      const looking = climbing.finally(() => {
        if (this.#looking === looking) this.#looking = undefined;
      });
      this.#looking = looking;
    }
    const climbed = await climbing;
    if ('value' in climbed) {
      this.#worked(to, climbed, isLooking);
      return climbed.value;
    }
    if (climbed.failures.length === 0) throw climbed.error;
    throw this.#failed(to, climbed);
  }

  async #untilKnown(looking: Promise<unknown>, signal: AbortSignal): Promise<void> {
    try {
      await untilEither(looking, signal);
    } catch (error) {
      const { failures } = this.#state;
      throw failures.length === 0 ? error : new NotReached(this.name, failures, { cause: error });
    }
  }

  /** The rung that is remembered first; unless the way from the top is due. */
  #order(to: Place): { readonly rungs: readonly Rung[]; readonly isLooking: boolean } {
    const { network, memory, name, clock } = this.#parts;
    const rungs = this.#rungs(to);
    const known = memory.get(network(), name);
    const best = rungs.find((rung) => rungName(rung) === known?.rung);
    if (known === undefined || best === undefined) return { rungs, isLooking: true };
    const age = clock.now() - known.at;
    // A clock that went back must not put it off for long.
    if (best !== rungs[0] && (age >= upwardMs || age < 0)) return { rungs, isLooking: true };
    return { rungs: [best, ...rungs.filter((rung) => rung !== best)], isLooking: false };
  }

  #rungs(to: Place): Rung[] {
    const { door, source, mayGuess, usualUdp, proxy } = this.#parts;
    const options = { canKnock: source() !== undefined, hasProxy: proxy(to) !== undefined, mayGuess, usualUdp };
    return rungsOf(door(), options);
  }

  #climb<T extends Destroyable>(
    { signal, withinMs, ...to }: ReachOrder,
    rungs: readonly Rung[],
    secure: Secure<T>,
  ): Promise<Climbed<T>> {
    const { source, proxy, dial, wait = systemWait } = this.#parts;
    return climb({
      rungs,
      to,
      secure,
      signal,
      withinMs,
      dial,
      wait,
      source: source(),
      proxy: proxy(to),
      steady: this.#steady,
    });
  }

  #worked(to: Place, climbed: { rung: Rung; failures: readonly LegFailure[] }, isLooking: boolean): void {
    const { memory, network, name, clock, log } = this.#parts;
    const rung = rungName(climbed.rung);
    const { failures } = climbed;
    const isNew = memory.get(network(), name)?.rung !== rung;
    if (isNew || isLooking) memory.set(network(), name, { rung, at: clock.now() });
    const lookedAt = memory.get(network(), name)?.at ?? clock.now();
    const address = `${to.host}:${to.port}`;
    if (this.#state.rung !== rung || this.#state.isFailing)
      log.info({ door: name, address, rung, failures }, 'reached');
    const all = this.#rungs(to).map(rungName);
    const above = all.slice(0, Math.max(0, all.indexOf(rung)));
    const why = isLooking || isNew ? failures : this.#state.failures;
    this.#state = { address, rung, above, isFailing: false, lookedAt, failures: why };
  }

  #failed({ host, port }: Place, { failures, error }: { failures: readonly LegFailure[]; error: unknown }): Error {
    const { name, clock, log } = this.#parts;
    const address = `${host}:${port}`;
    log.info({ door: name, address, failures }, 'not reached');
    const now = clock.now();
    this.#state = { ...this.#state, address, isFailing: true, failedAt: now, lookedAt: now, failures };
    const cause = new NotReached(name, failures, { cause: error });
    const impostor = failures.find(({ leg }) => leg === 'certificate');
    if (impostor === undefined) return cause;
    return new PosternError('peer-refused', cause.message, { cause, extra: { reason: impostor.how } });
  }
}

function untilEither(looking: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    void looking.finally(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
  });
}
