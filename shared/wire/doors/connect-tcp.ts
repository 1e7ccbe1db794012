/** A TCP connection to a host by whichever of its addresses answers first, IPv6 and IPv4 by turns (RFC 8305). */
import { lookup } from 'node:dns/promises';
import { connect, isIP, isIPv6, type Socket } from 'node:net';
import { second } from '../../base/clock.ts';
import { isNoWay, LegError } from './leg-failure.ts';
import { type Attempt, staggered, type Wait } from './staggered.ts';

/** RFC 8305 section 5 recommends a quarter of a second. */
const addressHeadStartMs = 250;
/** An idle connection whose other end is gone is noticed this long after its last byte, and ten probes of a second. */
export const keepAliveDelayMs = 30 * second;

/** Its addresses, families by turns. Rejects with a `LegError` of `name`, or the signal's reason. */
export async function resolveHost(host: string, signal: AbortSignal): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  const found = lookup(host, { all: true, order: 'verbatim' }).then(
    (list) => takingTurns(list.map(({ address }) => address)),
    (error: NodeJS.ErrnoException) => {
      const how = error.code ?? 'failed';
      throw new LegError('name', how, `the name ${host} is not resolved (${how})`, { cause: error });
    },
  );
  return orAborted(found, signal);
}

/** The first family's first, then the other's, and so on. */
export function takingTurns(addresses: readonly string[]): string[] {
  const first = isIPv6(addresses[0] ?? '');
  const [own, other] = [true, false].map((same) => addresses.filter((one) => (isIPv6(one) === first) === same));
  return own!
    .flatMap((one, index) => (index < other!.length ? [one, other![index]!] : [one]))
    .concat(other!.slice(own!.length));
}

/** Rejects as `net.connect`, or with the signal's reason. The signal has no say once it is connected. */
export function connectAddress(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  const socket = connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveDelayMs });
  return new Promise((resolve, reject) => {
    const onAbort = () => end(signal.reason);
    const end = (error: unknown) => {
      signal.removeEventListener('abort', onAbort);
      socket.off('connect', onConnect);
      socket.destroy();
      reject(error);
    };
    const onConnect = () => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', end);
      // What goes wrong later is told by what is around it.
      socket.on('error', () => {});
      resolve(socket);
    };
    socket.once('connect', onConnect).once('error', end);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

/**
 * `attempt` for each address, each with its head start. Rejects with what the first said to which there is a way: that there is none to a
 * family of addresses tells nothing where the other one has answered.
 */
export async function raceAddresses(
  addresses: readonly string[],
  attempt: (address: string, signal: AbortSignal) => Promise<Socket>,
  { signal, wait }: { readonly signal: AbortSignal; readonly wait?: Wait | undefined },
): Promise<Socket> {
  const errors: unknown[] = [];
  const attempts = addresses.map(
    (address): Attempt<Socket> =>
      async (stop) => {
        try {
          return await attempt(address, stop);
        } catch (error) {
          errors.push(error);
          throw error;
        }
      },
  );
  const headStartMs = () => addressHeadStartMs;
  try {
    return await staggered(attempts, { headStartMs, signal, wait, discard: (socket) => socket.destroy() });
  } catch (error) {
    throw signal.aborted ? error : (errors.find((one) => !isNoWay(one)) ?? error);
  }
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
