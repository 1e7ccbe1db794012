/**
 * The HTTP forwarder of gateway and agent: streams a request to an undici dispatcher and the answer
 * back, with back-pressure both ways, trailers, early hints, and aborts passed on in both directions.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Exchange } from './forward-exchange.ts';
import type { Forwarding, ForwardOptions, ForwardOutcome } from './forward-types.ts';

/**
 * Forwards one request and resolves when it has ended, however it ended; never rejects. With `refused`, `kept`, and any
 * other end while `res.headersSent` is false, nothing was written and the caller may answer.
 *
 * The caller has checked the head, made the headers (`toAppHeaders`) and answered `Expect: 100-continue`. Undici sends
 * no request trailers, so they end here.
 */
export function forwardRequest(
  req: IncomingMessage,
  res: ServerResponse,
  options: ForwardOptions,
): Promise<ForwardOutcome> {
  return new Exchange(req, res, options).start().done;
}

/** As `forwardRequest`, with a handle to cut it, which costs less than an AbortController for each request. */
export function startForward(req: IncomingMessage, res: ServerResponse, options: ForwardOptions): Forwarding {
  return new Exchange(req, res, options).start();
}
