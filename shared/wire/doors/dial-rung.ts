/** One rung of the ladder: a connection through which TLS may begin at once, with all knocking done. */
import { createSocket } from 'node:dgram';
import { isIPv6, type Socket } from 'node:net';
import { type Clock, second } from '../../base/clock.ts';
import { connectByProxy } from './connect-proxy.ts';
import { connectAddress, raceAddresses, resolveHost } from './connect-tcp.ts';
import type { KnockSource } from './knock-source.ts';
import { type Leg, LegError } from './leg-failure.ts';
import type { ProxyPlace } from './proxy-of.ts';
import type { Rung } from './rungs.ts';
import { type Attempt, staggered } from './staggered.ts';

export interface RungOrder {
  readonly rung: Rung;
  readonly host: string;
  readonly port: number;
  readonly source: KnockSource | undefined;
  readonly proxy: ProxyPlace | undefined;
  readonly signal: AbortSignal;
  /** The leg that is being tried, for whoever has to say on which one time ran out. */
  readonly onLeg: (leg: Leg) => void;
}

export type DialRung = (order: RungOrder) => Promise<Socket>;

/** A door lets a source in for 10 s at least: this long no other knock is needed for a new connection. */
const letInMs = 8 * second;
/**
 * The door has to judge the knock, which takes it a millisecond or two: a SYN that comes before it is done is lost, and would be
 * repeated only after a second. So another is behind it, for a door that has much to judge.
 */
const afterKnockMs = 6;
const lostSynMs = 50;
/** Knock and connection again, as either may be lost, or the door slow: 0.25 s after the first, 0.75 s after the second. */
const headStartsMs = [250, 750];
const knocksPerAddress = 3;

/** Silence is what more knocks may change; an answer is one. */
const answered = { discard: (socket: Socket) => void socket.destroy(), isFinal: () => true };

/** Remembers where it has knocked of late. */
export class RungDialer {
  /** Until when, by address and TCP port. */
  readonly #letIn = new Map<string, number>();
  readonly #steady: Clock;

  constructor(steady: Clock) {
    this.#steady = steady;
  }

  /** Another network is another source. */
  forget(): void {
    this.#letIn.clear();
  }

  /** Rejects with a `LegError` or what TCP says, or with the signal's reason. */
  readonly dial: DialRung = async (order) => {
    const { rung, host, source, proxy, signal, onLeg } = order;
    const port = rung.tcp ?? order.port;
    let socket: Socket;
    if (rung.proxy) {
      onLeg('proxy');
      if (proxy === undefined) throw new LegError('proxy', 'none', 'there is no HTTP proxy');
      socket = await connectByProxy(proxy, { host, port }, signal);
    } else {
      onLeg('name');
      const addresses = await resolveHost(host, signal);
      onLeg(rung.udp === undefined ? 'connect' : 'knock');
      const connect = (address: string, stop: AbortSignal): Promise<Socket> =>
        rung.udp === undefined || source === undefined
          ? connectAddress(address, port, stop)
          : this.#knockAndConnect({ address, port, udp: rung.udp, source, signal: stop });
      socket = await raceAddresses(addresses, connect, { signal });
    }
    try {
      // Written only now: a door refuses a knock that comes after a later one.
      if (rung.prelude && source !== undefined) socket.write(await source.prelude());
    } catch (error) {
      socket.destroy();
      throw error;
    }
    return socket;
  };

  #knockAndConnect(order: KnockOrder): Promise<Socket> {
    const { address, port, udp, source, signal } = order;
    const key = `${address} ${port}`;
    const isIn = (this.#letIn.get(key) ?? 0) > this.#steady.now();
    const knockFirst: Attempt<Socket> = async (stop) => {
      const at = this.#steady.now();
      await sendKnock(await source.datagram(), address, udp);
      await pause(afterKnockMs, stop);
      const connect: Attempt<Socket> = (stop) => connectAddress(address, port, stop);
      const socket = await staggered([connect, connect], { ...answered, headStartMs: () => lostSynMs, signal: stop });
      this.#letIn.set(key, at + letInMs);
      return socket;
    };
    const connectAlone: Attempt<Socket> = (stop) => connectAddress(address, port, stop);
    const attempts = [...(isIn ? [connectAlone] : []), ...Array<Attempt<Socket>>(knocksPerAddress).fill(knockFirst)];
    return staggered(attempts, {
      headStartMs: (index) => headStartsMs[Math.min(index, headStartsMs.length - 1)]!,
      ...answered,
      signal,
    });
  }
}

interface KnockOrder {
  readonly address: string;
  readonly port: number;
  readonly udp: number;
  readonly source: KnockSource;
  readonly signal: AbortSignal;
}

/** Resolves when the datagram has left. Rejects with a `LegError` when it cannot. */
export function sendKnock(knock: Uint8Array, address: string, port: number): Promise<void> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  return new Promise((resolve, reject) => {
    const end = (error?: NodeJS.ErrnoException | null) => {
      socket.close();
      if (!error) return resolve();
      const how = error.code ?? 'failed';
      // A firewall of this machine may hold back UDP alone.
      const leg = how === 'EPERM' || how === 'EACCES' ? 'knock' : 'network';
      reject(new LegError(leg, how, `no knock can be sent to ${address} (${how})`, { cause: error }));
    };
    // An ICMP answer to an earlier one may come as an error of its own.
    socket.once('error', () => {});
    socket.send(knock, port, address, end);
  });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => end(resolve), ms);
    const onAbort = () => end(() => reject(signal.reason));
    const end = (act: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      act();
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
