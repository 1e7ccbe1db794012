/**
 * Pipelined requests one after the other (RFC 9112 section 9.3.2): Node hands them all on at once, so that a request could overtake
 * the one it was sent behind, or run although the connection ends with the answer before it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Nobody pipelines but tests and attackers: a queue that grows is one. */
const maxWaiting = 32;
const waiting = new WeakMap<object, number>();

/** Calls `handle` now, or when every answer before this one has been sent; never, if the connection ends before. */
export function inTurn(req: IncomingMessage, res: ServerResponse, handle: () => void): void {
  // Node gives a response its socket when its turn has come.
  if (res.socket !== null) {
    handle();
    return;
  }
  const count = (waiting.get(req.socket) ?? 0) + 1;
  waiting.set(req.socket, count);
  if (count > maxWaiting) {
    req.socket.destroy();
    return;
  }
  res.once('socket', () => {
    waiting.set(req.socket, (waiting.get(req.socket) ?? 1) - 1);
    handle();
  });
}
