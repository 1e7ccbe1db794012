/** An ordinary response on a socket that Node has handed over by 'upgrade' or 'connect'. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ServerResponse } from '../base/node-http.ts';

const responses = new WeakMap<Duplex, ServerResponse>();

/**
 * The one response of that socket, made on the first call: for refusals by a gate, for a problem document after a failed
 * upgrade, and for the app's own refusal alike. The connection closes after it (P21).
 */
export function responseOnSocket(req: IncomingMessage, socket: Duplex): ServerResponse {
  const known = responses.get(socket);
  if (known !== undefined) return known;
  const res = new ServerResponse(req);
  res.shouldKeepAlive = false;
  // Node has removed its own listeners: errors and room in the buffer are ours to tell.
  socket.on('error', ignore);
  socket.on('drain', () => res.emit('drain'));
  res.on('finish', () => {
    res.detachSocket(socket as Socket);
    closeAfterWriting(socket);
  });
  res.assignSocket(socket as Socket);
  responses.set(socket, res);
  return res;
}

/**
 * Whether an earlier request of that connection still waits for its answer. Node hands a pipelined upgrade or CONNECT over all
 * the same; two answers would share one socket, and a second response on it throws where nobody can catch. Close it instead.
 */
export function isStillAnswering(socket: Duplex): boolean {
  return Boolean((socket as { _httpMessage?: unknown })._httpMessage);
}

/** Closes such a connection; what had been running on it hears of it by 'close'. */
export function dropConnection(socket: Duplex): void {
  socket.on('error', ignore);
  socket.destroy();
}

/** Gives the socket back, for a tunnel to use. */
export function releaseSocket(socket: Duplex): void {
  responses.get(socket)?.detachSocket(socket as Socket);
  responses.delete(socket);
}

function closeAfterWriting(socket: Duplex): void {
  if (!socket.writableFinished) socket.end(() => socket.destroy());
  else socket.destroy();
}

// 'close' follows and is what everybody acts on.
function ignore(): void {}
