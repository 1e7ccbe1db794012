/**
 * Ends connections on which nothing is asked any more. Node can do it too, with a timer that is set and cleared for each request
 * (`keepAliveTimeout`); here all connections are looked at now and then, which costs a request nothing.
 */
import type { Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { isStillAnswering } from './forward-socket-response.ts';

export interface IdleOptions {
  /** Milliseconds without a byte and without a request being answered; a connection ends at most `lookMs` later. */
  readonly afterMs: number;
  readonly lookMs: number;
}

interface Seen {
  bytes: number;
  /** Looks at which nothing had come since the one before. */
  quiet: number;
}

/** `forget` a connection that carries something else from now on. */
export function endIdle(server: Server, { afterMs, lookMs }: IdleOptions): { forget(socket: object): void } {
  const connections = new Map<object, Seen>();
  const most = Math.ceil(afterMs / lookMs);
  const look = () => {
    for (const [socket, seen] of connections as Map<TLSSocket, Seen>) {
      const { bytesRead } = socket;
      const isQuiet = bytesRead === seen.bytes && !isStillAnswering(socket);
      seen.bytes = bytesRead;
      seen.quiet = isQuiet ? seen.quiet + 1 : 0;
      if (seen.quiet >= most) socket.destroy();
    }
  };
  const timer = setInterval(look, lookMs).unref();
  server.on('secureConnection', (socket: TLSSocket) => {
    connections.set(socket, { bytes: 0, quiet: 0 });
    socket.once('close', () => connections.delete(socket));
  });
  server.on('close', () => clearInterval(timer));
  return { forget: (socket) => void connections.delete(socket) };
}
