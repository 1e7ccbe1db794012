/** One rung, within its limit, up to and with TLS. */
import { second } from '../../base/clock.ts';
import type { DialRung } from './dial-rung.ts';
import type { KnockSource } from './knock-source.ts';
import { asLegError, type Leg, LegError } from './leg-failure.ts';
import type { ProxyPlace } from './proxy-of.ts';
import type { Destroyable, Place, Secure } from './reach.ts';
import type { Rung } from './rungs.ts';
import type { Wait } from './staggered.ts';

export interface TryOrder<T extends Destroyable> {
  readonly rung: Rung;
  readonly to: Place;
  readonly secure: Secure<T>;
  readonly source: KnockSource | undefined;
  readonly proxy: ProxyPlace | undefined;
  readonly dial: DialRung;
  readonly wait: Wait;
  readonly signal: AbortSignal;
  readonly onLeg: (leg: Leg) => void;
}

const limitMs = 3 * second;
/** Through a proxy there is a way more to go, and a name more to resolve. */
const proxyLimitMs = 6 * second;

/** Rejects with a `LegError`, or the signal's reason. */
export async function tryRung<T extends Destroyable>(order: TryOrder<T>): Promise<T> {
  const { rung, source, signal } = order;
  // Once more where a prelude met silence: the door was perhaps killed, and had kept counters ahead.
  for (let isAgain = false; ; isAgain = true) {
    try {
      return await once(order);
    } catch (error) {
      if (signal.aborted || !(error instanceof LegError) || error.leg !== 'silence' || !rung.prelude) throw error;
      source?.silence();
      if (isAgain) throw error;
    }
  }
}

async function once<T extends Destroyable>(order: TryOrder<T>): Promise<T> {
  const { rung, to, secure, source, proxy, dial, wait, signal } = order;
  const limit = rung.proxy ? proxyLimitMs : limitMs;
  const late = new AbortController();
  let leg: Leg = 'connect';
  const onLeg = (next: Leg) => {
    leg = next;
    order.onLeg(next);
  };
  const callOff = wait(limit, () => late.abort(new LegError(leg, 'timeout', lateOn(leg, rung, to, limit))));
  const either = AbortSignal.any([signal, late.signal]);
  let isConnected = false;
  try {
    const raw = await dial({ rung, ...to, source, proxy, signal: either, onLeg });
    isConnected = true;
    onLeg('tls');
    return await secure(raw, either);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw asLegError(late.signal.aborted ? late.signal.reason : error, isConnected);
  } finally {
    callOff();
  }
}

/** What is known, and what is not, of a leg on which `ms` ran out. */
export function lateOn(leg: Leg, { udp, tcp }: Rung, { host, port }: Place, ms: number): string {
  const time = `in ${ms / second} s`;
  const at = tcp ?? port;
  if (leg === 'name') return `the name ${host} was not resolved ${time}`;
  if (leg === 'proxy') return `the HTTP proxy led nowhere ${time}`;
  if (leg === 'tls') return `connected, and no TLS handshake ${time}`;
  if (leg !== 'knock') return `no answer on TCP ${at} ${time}`;
  return `no answer on TCP ${at} ${time} after a knock on UDP ${udp}: UDP is blocked on the way, knock and connection leave by different addresses (carrier NAT), or nothing is there`;
}
