/** From "this app, this request" to an answer: grant, gateway, and what the refusals ask for. */
import type { Duplex } from 'node:stream';
import { PosternError } from '#shared/base/errors.ts';
import { splitAddress } from '#shared/base/split-address.ts';
import type { AppListed } from '#shared/contracts/agent-to-controller.ts';
import { legFailuresOf } from '#shared/wire/doors/leg-failure.ts';
import type { AppTraffic, Lease, Refused, Sent, TrafficOrder, TunnelOrder } from '../agent-api.ts';
import { withTrouble } from '../diagnosis/explain-failure.ts';
import type { Diagnosis } from '../diagnosis/judge.ts';
import { type GatewayAddress, type GatewayLinks, placeOf } from '../to-gateway/gateway-links.ts';
import { openConnect } from '../to-gateway/open-connect.ts';
import { wasNotForwarded } from '../to-gateway/read-outcome.ts';
import { byNetwork } from './by-network.ts';
import type { GrantDesk, GrantOrder, HeldGrant } from './grant-desk.ts';
import type { Holding, Holds } from './holds.ts';
import type { LiveStreams } from './live-streams.ts';
import { type NextStep, nextStep } from './next-step.ts';
import { pause } from './pause.ts';
import type { Refusals } from './refusals.ts';

export interface TrafficParts {
  readonly desk: GrantDesk;
  readonly holds: Holds;
  readonly live: LiveStreams;
  readonly links: GatewayLinks;
  readonly refusals: Refusals;
  readonly findApp: (id: string) => Promise<AppListed | undefined>;
  /** The controller or a gateway refused: the session may be over. */
  readonly onRefusal: (error: PosternError) => void;
  /** Asked when no gateway was reached: which leg it is. */
  readonly look?: () => Promise<Diagnosis>;
}

interface Job<T> {
  readonly order: GrantOrder;
  readonly canHold: boolean;
  readonly signal: AbortSignal | undefined;
  send(lease: Lease, gateway: GatewayAddress): Promise<Sent<T>>;
  /** What was sent goes on after `send` has resolved; the stream is removed by the caller of `keep`. */
  readonly keep?: (value: T, end: () => void) => void;
}

export class Traffic implements AppTraffic {
  readonly #parts: TrafficParts;

  constructor(parts: TrafficParts) {
    this.#parts = parts;
  }

  run<T>({ app, exact, trace, client, hold, signal, send }: TrafficOrder<T>): Promise<T> {
    const order: GrantOrder = { app, act: 'request', exact, trace, client };
    return new Run<T>(this.#parts, { order, canHold: hold, signal, send }).run();
  }

  async openTunnel({ app, trace, client, hold, signal }: TunnelOrder): Promise<Duplex> {
    const listed = await this.#parts.findApp(app);
    // P12: no such app and not this person's app are one answer.
    const target = listed?.kind === 'tcp' && listed.hosts[0] !== undefined ? `${listed.hosts[0]}:${listed.port}` : '';
    if (target === '') throw new PosternError('not-allowed', `no TCP app ${app} in the list`);
    const order: GrantOrder = { app, act: 'connect', exact: undefined, trace, client };
    return new Run<Duplex>(this.#parts, {
      order,
      canHold: hold,
      signal,
      send: async ({ grant, once }, gateway) => {
        const { tls, reach } = this.#parts.links.link(gateway);
        const place = splitAddress(gateway.address);
        const opened = await openConnect({ ...place, tls: tls(), reach, target, grant, trace, signal });
        if ('socket' in opened) return { done: opened.socket };
        return { refused: opened.refused, canRepeat: !once || wasNotForwarded(opened.refused) };
      },
      keep: (socket, end) => socket.once('close', end),
    }).run();
  }
}

/** Of the contract: gateways in one ask. */
const maxAvoid = 16;

class Run<T> {
  readonly #parts: TrafficParts;
  readonly #job: Job<T>;
  /** Their ids by their places. */
  readonly #tried = new Map<string, string>();
  /** Places to which nothing leads. */
  readonly #unreached = new Set<string>();
  #hasAskedWhere = false;
  #asks = 0;
  #renewals = 0;
  #repetitions = 0;
  #trouble: PosternError | undefined;
  /** Asked for because of a refusal: to be used next, whatever else there is by then. */
  #fresh: HeldGrant | undefined;
  #holding: Holding | undefined;

  constructor(parts: TrafficParts, job: Job<T>) {
    this.#parts = parts;
    this.#job = job;
  }

  async run(): Promise<T> {
    let how: 'went-on' | 'gave-up' | 'too-long' = 'gave-up';
    try {
      for (;;) {
        const result = await this.#once();
        if (result === undefined) continue;
        how = 'went-on';
        return result.value;
      }
    } catch (thrown) {
      if (thrown instanceof PosternError && thrown.code === 'held-too-long') how = 'too-long';
      throw thrown;
    } finally {
      this.#holding?.end(how);
    }
  }

  /** One attempt; undefined means that the next one may go better. */
  async #once(): Promise<{ readonly value: T } | undefined> {
    const { desk, links } = this.#parts;
    const { order, signal } = this.#job;
    let held: HeldGrant;
    const version = this.#parts.holds.version;
    try {
      held = this.#fresh ?? (await desk.get(this.#order(), signal));
      this.#fresh = undefined;
    } catch (thrown) {
      // The signal's own reason is no refusal.
      if (signal?.aborted || !(thrown instanceof PosternError)) throw thrown;
      await this.#onRefused(thrown, { by: 'controller', canRepeat: true, version });
      return undefined;
    }
    const gateway = links.choose(held.gateways, this.#tried);
    if (gateway === undefined) {
      if (this.#mayHaveMoved(held)) {
        desk.forget(held.id);
        return undefined;
      }
      // What a gateway said of itself tells more than that none is left.
      const error = this.#trouble ?? (await this.#noneReached());
      this.#parts.refusals.add(order, error, 'agent');
      throw error;
    }
    const sent = await this.#send(held, gateway);
    if ('done' in sent) {
      links.worked(gateway);
      return { value: sent.done };
    }
    await this.#onRefused(sent.refused, { by: 'gateway', canRepeat: sent.canRepeat, gateway, held, version });
    return undefined;
  }

  #order(): GrantOrder {
    const { order } = this.#job;
    return this.#tried.size === 0 ? order : { ...order, avoid: [...new Set(this.#tried.values())].slice(0, maxAvoid) };
  }

  /** Where the grant says nobody is, a door may be another one by now: asked once. */
  #mayHaveMoved({ gateways, once }: HeldGrant): boolean {
    // One for one use was asked for this moment.
    if (once || this.#hasAskedWhere) return false;
    const unreached = gateways.filter((gateway) => this.#unreached.has(placeOf(gateway)));
    this.#hasAskedWhere = unreached.filter((gateway) => this.#parts.links.mayHaveMoved(gateway)).length > 0;
    return this.#hasAskedWhere;
  }

  async #noneReached(): Promise<PosternError> {
    const error = new PosternError('unavailable', `no gateway of ${this.#job.order.app} is left to ask`, {
      tell: 'No gateway that serves this app could be reached.',
    });
    const trouble = (await this.#parts.look?.())?.trouble;
    return trouble === undefined ? error : withTrouble(error, trouble);
  }

  async #send(held: HeldGrant, gateway: GatewayAddress): Promise<Sent<T>> {
    const { live, links, desk } = this.#parts;
    const { order, send, keep } = this.#job;
    const { forward } = links.link(gateway);
    const stream = live.add(order, gateway, held);
    let kept = false;
    try {
      const { grant, id: grantId, once } = held;
      const sent = await send({ grant, grantId, gateway: gateway.id, once, forward }, gateway);
      if (keep !== undefined && 'done' in sent) {
        kept = true;
        keep(sent.done, () => live.remove(stream));
      }
      return sent;
    } finally {
      if (!kept) live.remove(stream);
      if (held.once) desk.forget(held.id);
    }
  }

  async #onRefused(error: PosternError, at: Refusal): Promise<void> {
    const { desk, links, refusals, onRefusal } = this.#parts;
    const { order, canHold, signal } = this.#job;
    onRefusal(error);
    const { by, canRepeat, gateway, held } = at;
    const step = nextStep(error, {
      by,
      canRepeat,
      canHold,
      asks: this.#asks,
      renewals: this.#renewals,
      repetitions: this.#repetitions,
    });
    const note = (): Refused => refusals.add(order, error, by, gateway?.id);
    if (step.do === 'throw') {
      // The controller was asked about it, and allows it.
      const told = by === 'gateway' && error.code === 'rules-refused' && this.#asks > 0 ? byNetwork(error) : error;
      refusals.add(order, told, by, gateway?.id);
      throw told;
    }
    if (step.do === 'ask') {
      await this.#askWhy(error, at);
      return;
    }
    if (step.do === 'other-gateway') {
      links.failed(gateway!.id);
      this.#tried.set(placeOf(gateway!), gateway!.id);
      if (legFailuresOf(error).length > 0) this.#unreached.add(placeOf(gateway!));
      if (error.code === 'record-failed' || error.code === 'gateway-stale') this.#trouble = error;
      return;
    }
    if (step.do === 'again') {
      this.#repetitions += 1;
      await pause(step.waitMs, signal);
      return;
    }
    if (step.do === 'renew') {
      this.#renewals += 1;
      // The wait is the desk's: however many requests were refused, one renewal is asked for, and not before its moment (P14).
      if (held !== undefined) desk.forget(held.id, step.waitMs);
      return;
    }
    if (held !== undefined) desk.forget(held.id);
    await this.#hold(step, error, note, at.version);
  }

  /** The grant in hand stays: it serves other requests. Throws, or holds, when the controller denies this one. */
  async #askWhy(refusal: PosternError, at: Refusal): Promise<void> {
    const { desk, refusals } = this.#parts;
    const { order, signal } = this.#job;
    this.#asks += 1;
    try {
      this.#fresh = await desk.ask(this.#order(), signal);
    } catch (thrown) {
      if (signal?.aborted || !(thrown instanceof PosternError)) throw thrown;
      await this.#onRefused(thrown, { by: 'controller', canRepeat: at.canRepeat, version: at.version });
      return;
    }
    if (at.canRepeat) return;
    const told = byNetwork(refusal);
    refusals.add(order, told, 'gateway', at.gateway?.id);
    throw told;
  }

  async #hold(step: Extract<NextStep, { do: 'hold' }>, error: PosternError, note: () => Refused, version: number) {
    const { holds } = this.#parts;
    const { order, signal } = this.#job;
    this.#holding ??= holds.begin(order, step.kind, error, note().trace);
    await this.#holding.wait(version, signal);
    // What was tried before the wait may be tried again after it.
    this.#tried.clear();
    this.#unreached.clear();
    this.#hasAskedWhere = false;
    this.#asks = 0;
    this.#renewals = 0;
  }
}

interface Refusal {
  readonly by: 'controller' | 'gateway';
  readonly canRepeat: boolean;
  /** Of the holds when the attempt began. */
  readonly version: number;
  readonly gateway?: GatewayAddress;
  readonly held?: HeldGrant;
}
