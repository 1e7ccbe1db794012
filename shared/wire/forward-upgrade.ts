/**
 * Forwards a WebSocket handshake (RFC 6455 section 4, P21). The connection becomes a pipe only after the app's 101 with
 * the accept value that belongs to the key; any other answer is an ordinary response, and the connection closes after it.
 */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { End } from './forward-end.ts';
import { Exchange } from './forward-exchange.ts';
import { releaseSocket, responseOnSocket } from './forward-socket-response.ts';
import type { Forwarding, ForwardOptions, ForwardOutcome } from './forward-types.ts';
import { headerValues, toClientHeaders } from './http-headers.ts';
import { type Pipe, startPipe } from './pipe-sockets.ts';
import { hasGone, watchGone } from './watch-gone.ts';

const webSocketGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** A WebSocket whose one side has ended is over (RFC 6455 section 7.1.1); what the other still says comes soon. */
const usualLingerMs = 30 * second;

/** `Sec-WebSocket-Accept` for a key: RFC 6455 section 4.2.2. */
export function webSocketAccept(key: string): string {
  return createHash('sha1').update(key).update(webSocketGuid).digest('base64');
}

/**
 * For requests that `isWebSocketUpgrade` accepts. `responseHeaders` shapes the 101 too. While nothing was written
 * (`refused`, `kept`, `cut` before an answer) the caller answers with `responseOnSocket(req, socket)`.
 */
export function forwardUpgrade(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  options: ForwardOptions,
): Forwarding {
  const end = new End(options.onEnd);
  let pipe: Pipe | undefined;
  const isLate = hasGone(socket);
  // What came behind the handshake belongs to the tunnel, whoever is at its other end.
  if (head.length > 0 && !isLate) socket.unshift(head);

  const onExchangeEnd = (outcome: ForwardOutcome) => {
    unwatch();
    // One that ended its side alone would otherwise stay open: nobody answers who has gone.
    if (outcome.ended === 'client-abort') socket.destroy();
    end.tell(outcome);
  };
  const exchange = new Exchange(
    req,
    responseOnSocket(req, socket),
    { ...options, onEnd: onExchangeEnd },
    (status, rawHeaders, appSocket) => {
      const wrong = checkAccept(options.headers, rawHeaders);
      if (status !== 101 || wrong !== undefined) {
        appSocket.on('error', () => {});
        appSocket.destroy();
        exchange.fail('refused', new PosternError('app-broken', wrong ?? `status ${status} as an upgrade`));
        return;
      }
      unwatch();
      exchange.release();
      releaseSocket(socket);
      const headers = toClientHeaders(rawHeaders, false);
      writeSwitching(socket, options.responseHeaders?.(status, headers) ?? headers);
      pipe = startPipe(socket, appSocket, {
        idleMs: options.timeouts.idleMs,
        lingerMs: options.timeouts.lingerMs ?? usualLingerMs,
        onBytes: options.onBytes,
        signal: options.signal,
      });
      options.onResponseStart?.(status);
      void pipe.done.then((outcome) => end.tell({ status, ...outcome }));
    },
  );
  const unwatch = isLate ? () => {} : watchGone(socket, () => exchange.fail('client-abort'));
  if (isLate) exchange.fail('client-abort');
  else exchange.start();

  return {
    get done() {
      return end.promise;
    },
    cut: (error) => (pipe === undefined ? exchange.cut(error) : pipe.cut(error)),
  };
}

function checkAccept(sent: readonly string[], answered: readonly string[]): string | undefined {
  const key = headerValues(sent, 'sec-websocket-key');
  const accept = headerValues(answered, 'sec-websocket-accept');
  if (key.length !== 1) return 'the request has no single Sec-WebSocket-Key';
  if (accept.length !== 1 || accept[0] !== webSocketAccept(key[0]!))
    return 'Sec-WebSocket-Accept does not match the key';
  const upgrade = headerValues(answered, 'upgrade');
  return upgrade.length === 1 && upgrade[0]!.toLowerCase() === 'websocket' ? undefined : 'an upgrade to something else';
}

function writeSwitching(socket: Duplex, headers: readonly string[]): void {
  let text = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`;
  socket.write(`${text}\r\n`, 'latin1');
}
