/**
 * Grants in use: one for each app that is granted as a whole, a small number for exact requests. One ask for an app at a time
 * (P14), renewed at 2/3 of its life only while traffic flows.
 */
import type { Clock } from '#shared/base/clock.ts';
import { asPosternError, type ErrorCode, PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import type { GrantGiven } from '#shared/contracts/agent-to-controller.ts';
import type { ExactRequest, GrantAction } from '#shared/contracts/grant.ts';
import type { AskBudget } from './ask-budget.ts';
import { waitOf } from './next-step.ts';
import { orAborted, pause } from './pause.ts';
import { isOnce } from './read-own-grant.ts';

export interface GrantOrder {
  readonly app: string;
  readonly act: GrantAction;
  readonly exact: ExactRequest | undefined;
  readonly trace: string;
  /** Name of the local client that it is for: shown here, told to nobody, and no part of what a grant is kept under. */
  readonly client?: string | undefined;
  /** Gateways that could not be reached: a grant for one use names another, if there is one. */
  readonly avoid?: readonly string[] | undefined;
}

export interface HeldGrant {
  readonly id: string;
  readonly grant: string;
  readonly scope: GrantGiven['scope'];
  readonly gateways: GrantGiven['gateways'];
  /** By this device's clock, counted from when it was asked for. */
  readonly renewAt: number;
  readonly expiresAt: number;
  /** P18: good for one use. */
  readonly once: boolean;
}

export interface DeskOptions {
  /** Asks the controller; throws `session-required` without a session. */
  readonly ask: (order: GrantOrder) => Promise<GrantGiven>;
  readonly budget: AskBudget;
  readonly clock: Clock;
  readonly log: Log;
}

const maxExact = 256;
const maxAsks = 3;
/** Refusals about one request say nothing about another one of the same app. */
const ofOneRequest: ReadonlySet<ErrorCode> = new Set([
  'not-allowed',
  'step-up-required',
  'sign-in-again',
  'device-unfit',
  'request-refused',
  'request-needed',
]);

interface Flight {
  readonly exactKey: string;
  readonly done: Promise<HeldGrant>;
}

export class GrantDesk {
  readonly #options: DeskOptions;
  readonly #whole = new Map<string, HeldGrant>();
  /** In the order of their last use. */
  readonly #exact = new Map<string, HeldGrant>();
  readonly #flights = new Map<string, Flight>();
  /** Asks about requests that rules refused, by the request. */
  readonly #reasons = new Map<string, Promise<HeldGrant>>();
  /** Apps that were last granted request by request: there one ask at a time would make a queue of a page. */
  readonly #byRequest = new Set<string>();
  /** What was granted for one use when it was last asked for: nothing else that is held serves it. In the order of their last use. */
  readonly #forOne = new Set<string>();
  /** When the next grant in place of a refused one may be asked for: as the gateway said, once for all who wait (P14). */
  readonly #notBefore = new Map<string, number>();

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  /** A grant that lives now. Rejects with the controller's refusal, or the reason of the signal. */
  async get(order: GrantOrder, signal?: AbortSignal): Promise<HeldGrant> {
    for (;;) {
      signal?.throwIfAborted();
      const held = this.#find(order);
      if (held !== undefined) {
        // One of the whole app is renewed for the whole app: whether this request is denied by now says nothing of the others.
        if (this.#options.clock.now() >= held.renewAt)
          this.#renewBehind(held.scope === 'app' ? ofWholeApp(order) : order);
        return held;
      }
      const flight = this.#flights.get(this.#flightKey(order));
      if (flight === undefined) return orAborted(this.#fly(order), signal);
      try {
        await orAborted(flight.done, signal);
      } catch (thrown) {
        if (!(thrown instanceof PosternError)) throw thrown;
        if (flight.exactKey === exactKey(order) || !ofOneRequest.has(thrown.code)) throw thrown;
      }
    }
  }

  /** For a request that a gateway's rules refused: asks about this one, whatever there is. Rejects with the controller's reason. */
  async ask(order: GrantOrder, signal?: AbortSignal): Promise<HeldGrant> {
    const key = exactKey(order);
    for (;;) {
      const flight = this.#reasons.get(key);
      if (flight === undefined) break;
      const held = await orAborted(flight, signal);
      // One for one use is whose ask brought it.
      if (!held.once) return held;
    }
    const own = this.#ask(order).finally(() => this.#reasons.delete(key));
    this.#reasons.set(key, own);
    return orAborted(own, signal);
  }

  /**
   * For a running stream: a grant that outlives `current`, asked for if there is none yet. In place of one for the whole app
   * it may be one for this request alone, when the app is granted so by now.
   */
  async next(order: GrantOrder, current: HeldGrant): Promise<HeldGrant> {
    if (current.scope === 'request' || current.once) return this.#next(order, current);
    try {
      return await this.#next(ofWholeApp(order), current);
    } catch (thrown) {
      if (!(thrown instanceof PosternError) || thrown.code !== 'request-needed') throw thrown;
      this.#byRequest.add(appKey(order));
      return this.#next(order, current);
    }
  }

  async #next(order: GrantOrder, current: HeldGrant): Promise<HeldGrant> {
    const held = current.once ? undefined : this.#find(order);
    if (held !== undefined && held.id !== current.id && held.expiresAt > current.expiresAt) return held;
    const flight = current.once ? undefined : this.#flights.get(this.#flightKey(order));
    if (flight === undefined || (current.scope === 'request' && flight.exactKey !== exactKey(order))) {
      return this.#fly(order);
    }
    return flight.done;
  }

  /** A gateway refused it: it is not used again, and another is asked for after `waitMs` at the earliest. */
  forget(id: string, waitMs = 0): void {
    for (const map of [this.#whole, this.#exact]) {
      for (const [key, held] of map) {
        if (held.id !== id) continue;
        map.delete(key);
        if (waitMs > 0) this.#notBefore.set(key, this.#options.clock.now() + waitMs);
      }
    }
  }

  clear(): void {
    this.#whole.clear();
    this.#exact.clear();
    this.#byRequest.clear();
    this.#forOne.clear();
    this.#notBefore.clear();
  }

  /** Drops what has expired. */
  tick(): void {
    const now = this.#options.clock.now();
    for (const map of [this.#whole, this.#exact]) {
      for (const [key, { expiresAt }] of map) if (expiresAt <= now) map.delete(key);
    }
    for (const [key, at] of this.#notBefore) if (at <= now) this.#notBefore.delete(key);
  }

  #find(order: GrantOrder): HeldGrant | undefined {
    const key = exactKey(order);
    if (this.#forOne.has(key)) return undefined;
    const now = this.#options.clock.now();
    const whole = this.#whole.get(appKey(order));
    if (whole !== undefined && whole.expiresAt > now) return whole;
    const exact = this.#exact.get(key);
    if (exact === undefined || exact.expiresAt <= now) return undefined;
    this.#exact.delete(key);
    this.#exact.set(key, exact);
    return exact;
  }

  #flightKey(order: GrantOrder): string {
    const key = exactKey(order);
    return this.#byRequest.has(appKey(order)) || this.#forOne.has(key) ? key : appKey(order);
  }

  #renewBehind(order: GrantOrder): void {
    if (this.#flights.has(this.#flightKey(order))) return;
    this.#fly(order).catch((thrown: unknown) => {
      // The one in hand serves until it ends; then the refusal is the answer to somebody.
      this.#options.log.debug(
        { app: order.app, problem: asPosternError(thrown).code },
        'a grant could not be renewed early',
      );
      this.#postpone(order);
    });
  }

  #postpone(order: GrantOrder): void {
    for (const [map, key] of [
      [this.#whole, appKey(order)],
      [this.#exact, exactKey(order)],
    ] as const) {
      const held = map.get(key);
      if (held !== undefined) map.set(key, { ...held, renewAt: held.expiresAt });
    }
  }

  #fly(order: GrantOrder): Promise<HeldGrant> {
    const key = this.#flightKey(order);
    const done = this.#ask(order).finally(() => {
      if (this.#flights.get(key)?.done === done) this.#flights.delete(key);
    });
    this.#flights.set(key, { exactKey: exactKey(order), done });
    return done;
  }

  async #ask(order: GrantOrder): Promise<HeldGrant> {
    const { ask, budget, clock } = this.#options;
    const notBefore = [appKey(order), exactKey(order)].map((key) => this.#notBefore.get(key) ?? 0);
    await pause(Math.max(...notBefore) - clock.now());
    for (let asked = 1; ; asked += 1) {
      await pause(budget.take());
      const sentAt = clock.now();
      try {
        return this.#keep(order, await ask(order), sentAt);
      } catch (thrown) {
        const error = asPosternError(thrown);
        const wait = waitOf(error, 0);
        if (error.next !== 'retry' || wait === 0 || asked >= maxAsks) throw error;
        await pause(wait);
      }
    }
  }

  #keep(order: GrantOrder, given: GrantGiven, sentAt: number): HeldGrant {
    const { grant, id, scope, gateways, expiresInMs } = given;
    const held: HeldGrant = {
      id,
      grant,
      scope,
      gateways,
      renewAt: sentAt + (expiresInMs * 2) / 3,
      expiresAt: sentAt + expiresInMs,
      once: isOnce(grant),
    };
    const app = appKey(order);
    const key = exactKey(order);
    this.#forOne.delete(key);
    if (held.once) {
      // Says nothing of the app's other requests.
      this.#forOne.add(key);
      if (this.#forOne.size > maxExact) this.#forOne.delete(this.#forOne.values().next().value!);
      return held;
    }
    if (scope === 'app') {
      this.#byRequest.delete(app);
      this.#whole.set(app, held);
      return held;
    }
    this.#byRequest.add(app);
    this.#whole.delete(app);
    this.#exact.set(key, held);
    if (this.#exact.size > maxExact) this.#exact.delete(this.#exact.keys().next().value!);
    return held;
  }
}

const ofWholeApp = (order: GrantOrder): GrantOrder => ({ ...order, exact: undefined });
const appKey = ({ app, act }: GrantOrder): string => `${act} ${app}`;

function exactKey(order: GrantOrder): string {
  const { exact } = order;
  return exact === undefined
    ? `${appKey(order)} *`
    : `${appKey(order)} ${exact.method} ${exact.host} ${exact.path}?${exact.query}`;
}
