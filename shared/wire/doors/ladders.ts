/** All ladders of one process: what they share is the network that it is in, the proxy there, and where it knocked of late. */
import type { Socket } from 'node:net';
import { type Clock, second, steadyOf } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { plainAddress } from '../../base/plain-address.ts';
import { type FrontDoor, type KnockKind, usualKnockPorts } from '../../contracts/knock.ts';
import { type DialRung, RungDialer } from './dial-rung.ts';
import type { KnockSource } from './knock-source.ts';
import { Ladder, type RememberedRung, type RungMemory } from './ladder.ts';
import { type ProxySetting, proxyOf } from './proxy-of.ts';

export interface LaddersParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly proxy: ProxySetting;
  /** Where this process is: what worked is remembered for it. One place unless told. */
  readonly network?: () => string;
  /** Until the process ends unless told. */
  readonly memory?: RungMemory;
}

export interface DoorOrder {
  readonly door: () => FrontDoor;
  readonly source: () => KnockSource | undefined;
}

/** An old connection is asked whether it lives so soon after a change of the network or a sleep; ten tries of a second follow. */
const probeSoonMs = second;

export class Ladders {
  readonly #parts: LaddersParts;
  readonly #dialer: RungDialer;
  readonly #memory: RungMemory;
  readonly #ladders = new Map<string, Ladder>();
  readonly #sockets = new Set<Socket>();

  constructor(parts: LaddersParts) {
    this.#parts = parts;
    this.#memory = parts.memory ?? new ShortMemory();
    this.#dialer = new RungDialer(steadyOf(parts.clock));
  }

  /** To a controller's server. Its operator may put a door up, or take it away, without telling anybody. */
  toController(kind: KnockKind, order: DoorOrder): Ladder {
    const name = kind === 'mutual' ? 'controller' : 'controller, first contact';
    return this.#make(name, { ...order, mayGuess: true, usualUdp: usualKnockPorts.controller });
  }

  /** What a grant says of a gateway is of this minute. */
  toGateway(id: string, order: DoorOrder): Ladder {
    return this.#make(`gateway ${id}`, { ...order, mayGuess: false, usualUdp: usualKnockPorts.gateway });
  }

  /** Those made last, by name. */
  all(): Ladder[] {
    return [...this.#ladders.values()];
  }

  /** Nobody goes this way any more. */
  forget(ladder: Ladder): void {
    if (this.#ladders.get(ladder.name) === ladder) this.#ladders.delete(ladder.name);
  }

  /**
   * The network is another one: doors let in another source there. Ends connections from addresses that this machine no longer
   * has (`own`), as nothing can come back to them; others are probed. Returns how many were ended.
   */
  networkChanged(own?: readonly string[]): number {
    this.#dialer.forget();
    const mine = own && new Set(own.map(plainAddress));
    let ended = 0;
    for (const socket of this.#sockets) {
      const address = plainAddress(socket.localAddress ?? '');
      if (mine === undefined || mine.has(address) || isLoopback(address)) {
        socket.setKeepAlive(true, probeSoonMs);
        continue;
      }
      socket.destroy(Object.assign(new Error('this machine has left the network'), { code: 'ENETDOWN' }));
      ended += 1;
    }
    return ended;
  }

  #make(name: string, order: DoorOrder & { mayGuess: boolean; usualUdp: readonly number[] }): Ladder {
    const { clock, log, proxy, network = () => '' } = this.#parts;
    const ladder = new Ladder({
      name,
      ...order,
      proxy: (to) => proxyOf(proxy, to),
      network,
      memory: this.#memory,
      dial: this.#dial,
      clock,
      log,
    });
    this.#ladders.set(name, ladder);
    return ladder;
  }

  readonly #dial: DialRung = async (order) => {
    const socket = await this.#dialer.dial(order);
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  };
}

class ShortMemory implements RungMemory {
  readonly #rungs = new Map<string, RememberedRung>();

  get(network: string, door: string): RememberedRung | undefined {
    return this.#rungs.get(`${network} ${door}`);
  }

  set(network: string, door: string, remembered: RememberedRung): void {
    this.#rungs.set(`${network} ${door}`, remembered);
  }
}

const isLoopback = (address: string): boolean => address === '::1' || address.startsWith('127.');
