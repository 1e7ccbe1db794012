/**
 * Connections to gateways (edge 3): one pool for each, which accepts exactly the `/gateway/<id>`, with the key, that the grant answer named (P1),
 * and the choice among several.
 */
import type { ConnectionOptions } from 'node:tls';
import type { Agent } from 'undici';
import { type Clock, minute, second } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import { scoreOf } from '#shared/base/score-of.ts';
import type { GrantGiven } from '#shared/contracts/agent-to-controller.ts';
import { agentToGateway } from '#shared/contracts/agent-to-gateway.ts';
import { type FrontDoor, gatewayDoor } from '#shared/contracts/knock.ts';
import { type Client, callContract } from '#shared/wire/call-contract.ts';
import type { Ladder } from '#shared/wire/doors/ladder.ts';
import { Ladders } from '#shared/wire/doors/ladders.ts';
import { makeDispatcher } from '#shared/wire/make-dispatcher.ts';
import { clientTlsOptions } from '#shared/wire/mutual-tls.ts';
import type { Lease } from '../agent-api.ts';
import type { Keystore } from '../keystore/keystore.ts';
import type { SessionKnocks } from './session-knocks.ts';

export type GatewayAddress = GrantGiven['gateways'][number];

export interface GatewayLink {
  readonly forward: Lease['forward'];
  readonly client: Client<typeof agentToGateway>;
  readonly tls: () => ConnectionOptions;
  /** What leads there, knocking included. */
  readonly reach: Ladder;
}

/**
 * The name in the TLS greeting, which anybody on the way can read. A constant: it tells nothing, and undici would otherwise take
 * the Host header, give each app's name away and reconnect at each change of app.
 */
const tlsName = 'postern';
const unusedMs = 10 * minute;
/** A gateway that failed is asked last for this long. */
const avoidMs = 10 * second;
/** Of questions whether a gateway has moved, by each device; a grant that is renewed tells it, too. */
const firstPauseMs = 5 * second;
const maxPauseMs = 40 * second;
/** Event streams and downloads hold a connection each. */
const connections = 256;

type LinkTo = Pick<GatewayAddress, 'id' | 'address' | 'jkt' | 'door' | 'knockPorts' | 'preludePort'>;

/** A gateway and where it answers, with what in front of it: one that has moved is another one. */
export const placeOf = ({ id, address, jkt, door = 'none', knockPorts: ports, preludePort }: LinkTo): string =>
  `${id} ${address} ${jkt} ${door} ${ports} ${preludePort}`;

interface Kept extends GatewayLink {
  readonly hides: boolean;
  readonly dispatcher: Agent;
  usedAt: number;
}

export interface KnownGateway {
  readonly id: string;
  readonly address: string;
  readonly hides: boolean;
  readonly client: GatewayLink['client'];
}

interface Opening {
  readonly id: string;
  readonly jkt: string | undefined;
  readonly door: FrontDoor;
  readonly origin: string;
}

export class GatewayLinks {
  readonly #keystore: Keystore;
  readonly #knocks: SessionKnocks | undefined;
  readonly #clock: Clock;
  readonly #ladders: Ladders;
  readonly #links = new Map<string, Kept>();
  readonly #failedAt = new Map<string, number>();
  /** When somebody was last asked whether one has moved, and for how long nobody is to be asked then; by place. */
  readonly #asked = new Map<string, { readonly at: number; readonly pauseMs: number }>();
  readonly #scores = new Map<string, number>();

  constructor(options: {
    readonly keystore: Keystore;
    readonly clock: Clock;
    readonly knocks?: SessionKnocks;
    /** The ways there; without an HTTP proxy unless told. */
    readonly ladders?: Ladders;
  }) {
    const { clock } = options;
    this.#ladders = options.ladders ?? new Ladders({ clock, log: silentLog, proxy: { setting: 'none', env: {} } });
    this.#knocks = options.knocks;
    this.#keystore = options.keystore;
    this.#clock = options.clock;
  }

  /**
   * The one to use, among those whose places are not in `tried`; those that failed of late come last. Each device has its own order of the gateways
   * (rendezvous hashing), so that devices spread over them, each stays with its own, and of one that is gone only its devices move.
   */
  choose(gateways: readonly GatewayAddress[], tried: { has(place: string): boolean }): GatewayAddress | undefined {
    const left = gateways.filter((gateway) => !tried.has(placeOf(gateway)));
    if (left.length > 1) left.sort((a, b) => this.#score(a.id) - this.#score(b.id));
    const now = this.#clock.now();
    return left.find(({ id }) => now - (this.#failedAt.get(id) ?? -avoidMs) >= avoidMs) ?? left[0];
  }

  #score(id: string): number {
    const { device } = this.#keystore.enrolment;
    const key = `${device} ${id}`;
    let score = this.#scores.get(key);
    if (score === undefined) {
      score = scoreOf(device, id);
      this.#scores.set(key, score);
    }
    return score;
  }

  failed(id: string): void {
    this.#failedAt.set(id, this.#clock.now());
  }

  worked(gateway: GatewayAddress): void {
    this.#failedAt.delete(gateway.id);
    this.#asked.delete(placeOf(gateway));
  }

  /** Nothing leads there: whether the controller is to be asked if it has moved. At once, and then with growing pauses. */
  mayHaveMoved(gateway: GatewayAddress): boolean {
    const place = placeOf(gateway);
    const now = this.#clock.now();
    const last = this.#asked.get(place);
    if (last !== undefined && now - last.at < last.pauseMs) return false;
    const pauseMs = last === undefined ? firstPauseMs : Math.min(2 * last.pauseMs, maxPauseMs);
    this.#asked.set(place, { at: now, pauseMs });
    return true;
  }

  link(gateway: LinkTo): GatewayLink {
    const { id, address, jkt, door = 'none', knockPorts: ports, preludePort } = gateway;
    const key = placeOf(gateway);
    let link = this.#links.get(key);
    if (link === undefined) {
      link = this.#open({ id, jkt, door: { door, ports, preludePort }, origin: `https://${address}` });
      this.#links.set(key, link);
    }
    link.usedAt = this.#clock.now();
    return link;
  }

  /** Those in use now. */
  known(): readonly KnownGateway[] {
    return [...this.#links].map(([key, { client, hides }]) => {
      const [id = '', address = ''] = key.split(' ');
      return { id, address, hides, client };
    });
  }

  /** Closes what nobody has used for long; running streams go on to their end. */
  tick(): void {
    const now = this.#clock.now();
    for (const [place, { at }] of this.#asked) if (now - at >= unusedMs) this.#asked.delete(place);
    for (const [key, { usedAt, dispatcher, reach }] of this.#links) {
      if (now - usedAt < unusedMs) continue;
      this.#links.delete(key);
      this.#ladders.forget(reach);
      void dispatcher.close();
    }
  }

  /** New connections from now on: after a change of key, and after sleep, when the old ones are dead. */
  reconnect(): void {
    for (const { dispatcher } of this.#links.values()) void dispatcher.close();
    this.#links.clear();
    this.#failedAt.clear();
    this.#asked.clear();
  }

  async stop(): Promise<void> {
    const all = [...this.#links.values()];
    this.#links.clear();
    await Promise.all(all.map(({ dispatcher }) => dispatcher.destroy()));
  }

  #open({ id, jkt, door, origin }: Opening): Kept {
    const tls = () => {
      const { bundle, trustDomain } = this.#keystore.enrolment;
      const rules = { bundle, trustDomain, role: 'gateway', id, jkt, clock: this.#clock } as const;
      return { ...clientTlsOptions({ ...this.#keystore.own(), ...rules }), servername: tlsName };
    };
    const hides = door.door !== 'none';
    const source = () => (hides ? this.#knocks?.at(gatewayDoor(id)) : undefined);
    const reach = this.#ladders.toGateway(id, { door: () => door, source });
    const dispatcher = makeDispatcher(tls, { connections, reach });
    const client = callContract(agentToGateway, { dispatcher, origin });
    return { dispatcher, client, tls, reach, hides, forward: { dispatcher, origin, servername: tlsName }, usedAt: 0 };
  }
}
