/**
 * How many connections one source may hold on a server for strangers (P27): a bound for each source and one for all, and
 * where one is reached the oldest connection of the source that has the most gives way. A bound that turned the newest away
 * would let one stranger with idle connections keep everybody else out.
 */
import type { Server, Socket } from 'node:net';
import { plainAddress } from '#shared/base/plain-address.ts';
import { sourceOf } from '#shared/base/source-of.ts';

export interface SourceLimits {
  readonly perSource: number;
  readonly total: number;
}

export function limitSources(server: Pick<Server, 'on'>, limits: SourceLimits): void {
  const sources = new Map<string, Set<Socket>>();
  let total = 0;
  server.on('connection', (socket: Socket) => {
    const source = sourceOf(plainAddress(socket.remoteAddress ?? 'unknown'));
    const own = sources.get(source) ?? new Set();
    sources.set(source, own.add(socket));
    total += 1;
    socket.once('close', () => forget(source, socket));
    if (own.size > limits.perSource) giveWay(source, own);
    else if (total > limits.total) giveWay(...largest());
  });

  const forget = (source: string, socket: Socket): void => {
    const own = sources.get(source);
    if (!own?.delete(socket)) return;
    total -= 1;
    if (own.size === 0) sources.delete(source);
  };
  const giveWay = (source: string, own: ReadonlySet<Socket>): void => {
    const [oldest] = own;
    if (oldest === undefined) return;
    // Before the event says so: of many that come in one turn each must find another to replace.
    forget(source, oldest);
    oldest.destroy();
  };
  const largest = (): [string, ReadonlySet<Socket>] =>
    [...sources].reduce((most, next) => (next[1].size > most[1].size ? next : most));
}
