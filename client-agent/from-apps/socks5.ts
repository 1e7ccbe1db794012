/**
 * SOCKS 5 (RFC 1928) for programs that know no HTTP proxy: CONNECT by name to this person's apps, without a password, since
 * the owner of the connection is proven.
 *
 * Accepted: a browser cannot be told here from a program. Set browsers up with the PAC file, whose way checks their cookie.
 */
import type { Socket } from 'node:net';
import { second } from '#shared/base/clock.ts';
import { asPosternError, type PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import type { Agent } from '../agent-api.ts';
import type { AppDirectory } from './app-directory.ts';
import { findTarget, type HttpProxy } from './http-proxy.ts';
import {
  methodReply,
  type Read,
  readGreeting,
  readRequest,
  requestReply,
  type SocksReply,
  socksReply,
} from './socks5-messages.ts';
import { openTunnel } from './tunnel-to-app.ts';

export interface SocksParts {
  readonly agent: Pick<Agent, 'traffic' | 'activity' | 'state'>;
  readonly apps: AppDirectory;
  readonly proxy: Pick<HttpProxy, 'serveInner'>;
  readonly log: Log;
}

/** Both messages together: 257 and 262 bytes. */
const maxWaiting = 1024;
const handshakeMs = 10 * second;

/** Takes a proven connection, and answers or closes it whatever happens. */
export function serveSocks(parts: SocksParts, socket: Socket): void {
  const limit = setTimeout(() => socket.destroy(), handshakeMs).unref();
  socket.once('close', () => clearTimeout(limit));
  serve(parts, socket, () => clearTimeout(limit)).catch((thrown: unknown) => {
    const error = asPosternError(thrown);
    if (error.code === 'internal') parts.log.error({ err: thrown }, 'a SOCKS connection failed');
    if (socket.writable) socket.end(requestReply(replyOf(error)), () => socket.destroy());
    else socket.destroy();
  });
}

async function serve(parts: SocksParts, socket: Socket, understood: () => void): Promise<void> {
  const greeting = await read(socket, readGreeting);
  if (greeting === undefined) return close(socket);
  if (!greeting) return close(socket, methodReply(false));
  socket.write(methodReply(true));
  const request = await read(socket, readRequest);
  if (request === undefined) return close(socket);
  understood();
  if ('refuse' in request) return close(socket, requestReply(request.refuse));
  parts.agent.activity();
  const target = findTarget(parts, request.host, request.port);
  if (target.kind === 'refused') throw target.error;
  if (target.kind === 'http') {
    socket.write(requestReply(socksReply.ok));
    parts.proxy.serveInner(socket, target.host);
    return;
  }
  const tunnel = await openTunnel(parts, socket, target.app);
  socket.write(requestReply(socksReply.ok));
  await tunnel.join();
}

/** One message; what came behind it is put back. Undefined when it is none or the client has gone. */
function read<T>(socket: Socket, parse: (bytes: Buffer) => Read<T>): Promise<T | undefined> {
  return new Promise((resolve) => {
    let bytes: Buffer = Buffer.alloc(0);
    const settle = (value: T | undefined, rest?: Buffer) => {
      socket.off('data', onData);
      socket.off('close', onGone);
      socket.off('end', onGone);
      socket.pause();
      if (rest !== undefined && rest.length > 0) socket.unshift(rest);
      resolve(value);
    };
    const onGone = () => settle(undefined);
    const onData = (chunk: Buffer) => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      const result = parse(bytes);
      if (result === 'bad' || (result === 'more' && bytes.length > maxWaiting)) settle(undefined);
      else if (result !== 'more') settle(result.ok, bytes.subarray(result.used));
    };
    socket.on('data', onData);
    socket.once('close', onGone);
    socket.once('end', onGone);
    if (socket.destroyed || socket.readableEnded) onGone();
    else socket.resume();
  });
}

function close(socket: Socket, words?: Buffer): void {
  if (words === undefined || !socket.writable) socket.destroy();
  else socket.end(words, () => socket.destroy());
}

/** RFC 1928 section 6 has eight words for all that can go wrong; `postern why` has the others. */
function replyOf({ code, status }: PosternError): SocksReply {
  if (code === 'app-unreachable') return socksReply.refused;
  if (code === 'app-timeout' || code === 'held-too-long') return socksReply.timedOut;
  if (code === 'unreachable' || code === 'unavailable') return socksReply.hostUnreachable;
  return status < 500 ? socksReply.notAllowed : socksReply.failure;
}
