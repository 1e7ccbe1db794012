/**
 * While the controller is not reached: keeps looking why, and notices by itself when the way is open again. What is near (no network, a
 * captive portal, a name) is looked at each second, as nobody is burdened by that; a controller that is silent is asked with growing,
 * jittered pauses, since the whole fleet does the same.
 */
import { second } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Diagnosis } from './judge.ts';
import type { DoctorLeg, Trouble } from './legs.ts';

export interface WatchParts {
  readonly diagnose: () => Promise<Diagnosis>;
  /** One quick attempt to reach the controller; it tells the link when it works. Never rejects. */
  readonly attempt: (timeoutMs: number) => Promise<void>;
  readonly isReached: () => boolean;
  /** `trouble` has changed. */
  readonly onChange: () => void;
  /** Reached again after it was not. */
  readonly onBack: () => void;
  readonly log: Log;
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** From 0 to 1. */
  readonly random?: () => number;
}

const nearMs = second;
/** Of the attempts in between, each as long as one pause at most: release and notice lie less than 3 s apart. */
const attemptMs = second;
/** After so many attempts it is looked at anew what it is. */
const attemptsPerLook = 5;
const farFirstMs = 2 * second;
const farMaxMs = 60 * second;
const near: ReadonlySet<DoctorLeg> = new Set(['network', 'captive-portal', 'name', 'proxy', 'clock']);

export class WayWatch {
  readonly #parts: WatchParts;
  #trouble: Trouble | undefined;
  #running: Promise<void> | undefined;
  #stop = new AbortController();
  #looking: Promise<Diagnosis> | undefined;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  get trouble(): Trouble | undefined {
    return this.#trouble;
  }

  /** To be told whenever the controller was reached or not. */
  note(): void {
    if (this.#parts.isReached() || this.#stop.signal.aborted) return;
    this.#running ??= this.#watch().finally(() => {
      this.#running = undefined;
      // Lost again in between.
      this.note();
    });
  }

  /** All legs looked at now; calls while one runs join it. */
  look(): Promise<Diagnosis> {
    this.#looking ??= this.#parts.diagnose().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #watch(): Promise<void> {
    const { isReached, onBack, attempt, random = Math.random, log } = this.#parts;
    const { signal } = this.#stop;
    for (let looks = 0; !isReached() && !signal.aborted; looks += 1) {
      const { trouble } = await this.look();
      if (isReached()) break;
      this.#set(trouble);
      const isNear = trouble !== undefined && near.has(trouble.leg);
      if (isNear) {
        for (let tries = 0; tries < attemptsPerLook && !isReached() && !signal.aborted; tries += 1) {
          await this.#pause(nearMs);
          if (!signal.aborted) await attempt(attemptMs);
        }
      } else {
        const limit = Math.min(farMaxMs, farFirstMs * 2 ** Math.min(looks, 10));
        await this.#pause(limit * (0.5 + random() / 2));
      }
    }
    if (signal.aborted) return;
    this.#set(undefined);
    log.info('the controller is reached again');
    onBack();
  }

  #set(trouble: Trouble | undefined): void {
    const changed = trouble?.leg !== this.#trouble?.leg || trouble?.says !== this.#trouble?.says;
    this.#trouble = trouble;
    if (!changed) return;
    if (trouble !== undefined)
      this.#parts.log.warn({ leg: trouble.leg, why: trouble.says }, 'the controller is not reached');
    this.#parts.onChange();
  }

  #pause(ms: number): Promise<void> {
    return (this.#parts.pause ?? pauseFor)(ms, this.#stop.signal);
  }
}

function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
