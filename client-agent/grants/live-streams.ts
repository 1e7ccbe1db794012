/**
 * What runs at gateways now, each with the grant it lives on. Before that ends the next one is presented to the same gateway
 * (P15); a stream whose next grant was refused is cut there, and so ends here.
 */
import type { Clock } from '#shared/base/clock.ts';
import { asPosternError, PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import type { GatewayAddress, GatewayLinks } from '../to-gateway/gateway-links.ts';
import type { GrantDesk, GrantOrder, HeldGrant } from './grant-desk.ts';

export interface LiveStream {
  readonly order: GrantOrder;
  readonly gateway: GatewayAddress;
  held: HeldGrant;
  /** Not tried again before this. */
  dueAt: number;
}

export interface LiveOptions {
  readonly desk: GrantDesk;
  readonly links: GatewayLinks;
  readonly clock: Clock;
  readonly log: Log;
  readonly onRefused: (order: GrantOrder, error: PosternError, gateway: string | undefined) => void;
}

/** After a failed renewal. */
const retryMs = 5000;
/** After one that the gateway could not judge yet: it is learning the key (P20). */
const soonMs = 1000;
const lookMs = 1000;
/** Of the contract: grants in one call. */
const maxGrants = 64;

export class LiveStreams {
  readonly #options: LiveOptions;
  readonly #live = new Set<LiveStream>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#live.size;
  }

  /** Call `remove` when the stream has ended. Cheap: every request passes here. */
  add(order: GrantOrder, gateway: GatewayAddress, held: HeldGrant): LiveStream {
    const stream: LiveStream = { order, gateway, held, dueAt: held.renewAt };
    this.#live.add(stream);
    this.#timer ??= setInterval(() => void this.tick(), lookMs).unref();
    return stream;
  }

  remove(stream: LiveStream): void {
    this.#live.delete(stream);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#live.clear();
  }

  /** Renews what is due; one run at a time; never rejects. */
  tick(): Promise<void> {
    if (this.#live.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    this.#running ??= this.#renewDue().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #renewDue(): Promise<void> {
    const now = this.#options.clock.now();
    /** By the order that one grant can serve: the app, or the exact request. */
    const groups = new Map<string, LiveStream[]>();
    for (const stream of this.#live) {
      if (stream.dueAt > now) continue;
      const key = groupKey(stream);
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [stream]);
      else group.push(stream);
    }
    if (groups.size === 0) return;
    const renewed = await Promise.all([...groups.values()].map((group) => this.#nextGrants(group)));
    const byGateway = new Map<string, { held: HeldGrant; streams: LiveStream[] }[]>();
    for (const one of renewed.flat()) {
      const streams = one.streams.filter(({ gateway }) => !isFormer(gateway, one.held));
      for (const [id, same] of Map.groupBy(streams, ({ gateway }) => gateway.id)) {
        const list = byGateway.get(id) ?? [];
        list.push({ held: one.held, streams: same });
        byGateway.set(id, list);
      }
    }
    await Promise.all([...byGateway.values()].map((list) => this.#present(list)));
  }

  /** One for all of them; or one for each request, when the app is granted so by now. */
  async #nextGrants(streams: LiveStream[]): Promise<{ held: HeldGrant; streams: LiveStream[] }[]> {
    const held = await this.#nextGrant(streams);
    if (held === undefined) return [];
    if (held.scope === 'app' || held.once) return [{ held, streams }];
    const request = requestKey(streams[0]!);
    const [own, others] = [true, false].map((same) => streams.filter((one) => (requestKey(one) === request) === same));
    return [{ held, streams: own! }, ...(others!.length === 0 ? [] : await this.#nextGrants(others!))];
  }

  async #nextGrant(streams: readonly LiveStream[]): Promise<HeldGrant | undefined> {
    const { desk, clock, log, onRefused } = this.#options;
    const [first] = streams as [LiveStream];
    // Until it is answered nobody else asks; a failure is tried again before the end.
    for (const stream of streams) stream.dueAt = clock.now() + retryMs;
    try {
      return await desk.next(first.order, first.held);
    } catch (thrown) {
      const error = asPosternError(thrown);
      log.info(
        { app: first.order.app, problem: error.code, streams: streams.length },
        'no next grant for what is running',
      );
      onRefused(first.order, error, undefined);
      return undefined;
    }
  }

  /** All for one gateway. */
  async #present(list: { held: HeldGrant; streams: LiveStream[] }[]): Promise<void> {
    const { links, clock, log, onRefused } = this.#options;
    for (let from = 0; from < list.length; from += maxGrants) {
      const part = list.slice(from, from + maxGrants);
      const { gateway } = part[0]!.streams[0]!;
      try {
        const body = { grants: part.map(({ held }) => held.grant) };
        const { refused } = await links.link(gateway).client.renewStreams({ body });
        const codes = new Map(refused.map(({ index, code }) => [index, code]));
        for (const [index, { held, streams }] of part.entries()) {
          const code = codes.get(index);
          for (const stream of streams) {
            // One that was refused is asked about again with another grant, until the gateway cuts.
            if (code !== undefined) continue;
            stream.held = held;
            stream.dueAt = held.renewAt;
          }
          if (code === undefined) continue;
          if (code === 'grant-key-unknown') {
            for (const stream of streams) stream.dueAt = clock.now() + soonMs;
            continue;
          }
          log.info(
            { app: streams[0]!.order.app, problem: code, gateway: gateway.id },
            'a running stream was not renewed',
          );
          this.#options.desk.forget(held.id);
          onRefused(streams[0]!.order, new PosternError('stream-cut', `not renewed: ${code}`), gateway.id);
        }
      } catch (thrown) {
        const error = asPosternError(thrown);
        log.warn({ problem: error.code, why: error.message, gateway: gateway.id }, 'streams could not be renewed');
      }
    }
  }
}

/** The gateway has joined again with another key: to whoever has the former one nothing is shown any more, and it cuts (P1, P15). */
function isFormer(gateway: GatewayAddress, { gateways }: HeldGrant): boolean {
  const now = gateways.find(({ id }) => id === gateway.id);
  return now !== undefined && now.jkt !== gateway.jkt;
}

function groupKey(stream: LiveStream): string {
  const { app, act } = stream.order;
  // One for one use goes with one stream.
  if (stream.held.once) return `once ${stream.held.id}`;
  return stream.held.scope === 'app' ? `${act} ${app}` : requestKey(stream);
}

function requestKey({ order: { app, act, exact } }: LiveStream): string {
  return `${act} ${app} ${exact?.method} ${exact?.host} ${exact?.path}?${exact?.query}`;
}
