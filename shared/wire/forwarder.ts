/**
 * The HTTP forwarder of gateway and agent: streams a request to an undici dispatcher and the answer
 * back, with back-pressure both ways, trailers, early hints, and aborts passed on in both directions.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Exchange } from './forward-exchange.ts';
import type { Forwarding, ForwardOptions } from './forward-types.ts';

/**
 * Forwards one request; `done` resolves when it has ended, however it ended, and never rejects. With `refused`, `kept`, and any
 * other end while `res.headersSent` is false, nothing was written and the caller may answer. Cutting by the handle costs less
 * than an AbortController for each request.
 *
 * The caller has checked the head, made the headers (`toAppHeaders`) and answered `Expect: 100-continue`. Undici sends
 * no request trailers, so they end here.
 */
export function startForward(req: IncomingMessage, res: ServerResponse, options: ForwardOptions): Forwarding {
  return new Exchange(req, res, options).start();
}
