/** DNS by connections (RFC 7766): several queries on each, answers in any order. */
import type { Socket } from 'node:net';
import { second } from '#shared/base/clock.ts';
import type { Stoppable } from '#shared/base/lifecycle.ts';
import { listenTcp } from '#shared/wire/listen.ts';
import { closePausedServers, makePausedServer } from '../from-apps/paused-server.ts';
import type { Endpoint } from '../from-apps/proc-net-rows.ts';
import { maxQueryBytes } from './read-query.ts';
import type { OnQuery } from './serve-dns-udp.ts';
import { takeMessages, withLength } from './tcp-messages.ts';

const idleMs = 10 * second;
/** The oldest gives way. */
const maxConnections = 64;
/** In work at once on one connection; it is not read on before some are answered. */
const maxInWork = 16;

export interface DnsTcp extends Stoppable {
  readonly port: number;
}

/** `port` 0 takes any. Throws `conflict` naming the owner of a taken port, `invalid-config` where it may not listen. */
export async function serveDnsTcp({ address, port }: Endpoint, onQuery: OnQuery): Promise<DnsTcp> {
  const open = new Set<Socket>();
  const server = makePausedServer(open, (socket) => {
    if (open.size > maxConnections) open.values().next().value!.destroy();
    serve(socket, onQuery);
  });
  const bound = await listenTcp(server, { host: address, port });
  return { port: bound.port, stop: () => closePausedServers([server], open) };
}

function serve(socket: Socket, onQuery: OnQuery): void {
  const from = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
  const to = { address: socket.localAddress ?? '', port: socket.localPort ?? 0 };
  let inWork = 0;
  socket.setTimeout(idleMs, () => socket.destroy());
  takeMessages(socket, maxQueryBytes, (message) => {
    inWork += 1;
    if (inWork >= maxInWork) socket.pause();
    void onQuery(message, from, to).then((answer) => {
      inWork -= 1;
      if (socket.destroyed) return;
      // Over a connection silence would only make its user wait.
      if (answer === undefined) socket.destroy();
      else socket.write(withLength(answer));
      if (inWork < maxInWork) socket.resume();
      if (inWork === 0 && socket.readableEnded) socket.end();
    });
  });
  socket.once('end', () => {
    if (inWork === 0) socket.end();
  });
  socket.resume();
}
