/**
 * Gives a socket that came over a Unix socket the ends of the TCP connection whose bytes it carries, so that rules, limits, logs and
 * records see who is really there: all of them ask `remoteAddress`, of this socket and of the TLS socket above it. Both ask the
 * handle, and one of a Unix socket has no answer of its own. Node has no public way to say it; a test holds this to what Node does.
 */
import { isIPv6, type Socket } from 'node:net';
import type { End, Ends } from './proxy-header.ts';

interface Handle {
  getpeername?: (out: object) => number;
  getsockname?: (out: object) => number;
}

/** False when they cannot be given, and the connection is not to be served. */
export function giveEnds(socket: Socket, { remote, local }: Ends): boolean {
  const { _handle: handle } = socket as unknown as { readonly _handle?: Handle | null };
  if (!handle) return false;
  handle.getpeername = answer(remote);
  handle.getsockname = answer(local);
  return socket.remoteAddress === remote.address && socket.remotePort === remote.port;
}

const answer =
  ({ address, port }: End) =>
  (out: object): number => {
    Object.assign(out, { address, port, family: isIPv6(address) ? 'IPv6' : 'IPv4' });
    return 0;
  };
