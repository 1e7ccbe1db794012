/**
 * SOCKS 5 (RFC 1928) for programs that know no HTTP proxy: CONNECT by name to this person's apps. Without a password where the
 * owner of the connection is proven; others prove to be a client (RFC 1929).
 *
 * Accepted: a browser cannot be told here from a program. Set browsers up with the PAC file, whose way checks their cookie.
 */
import type { Socket } from 'node:net';
import { second } from '#shared/base/clock.ts';
import { asPosternError, PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import type { Agent } from '../agent-api.ts';
import { findTarget, type HttpProxy } from './http-proxy.ts';
import type { ProxyLogin, ProxyUser } from './proxy-login.ts';
import {
  loginReply,
  methodReply,
  type Read,
  readGreeting,
  readLogin,
  readRequest,
  requestReply,
  type SocksLogin,
  type SocksReply,
  socksMethod,
  socksReply,
} from './socks5-messages.ts';
import { openTunnel } from './tunnel-to-app.ts';

export interface SocksParts {
  readonly agent: Pick<Agent, 'traffic' | 'activity' | 'state'>;
  readonly login: ProxyLogin;
  readonly proxy: Pick<HttpProxy, 'serveInner'>;
  readonly log: Log;
}

/** All messages together: 257, 513 and 262 bytes, with some of what comes behind. */
const maxWaiting = 1024;
const handshakeMs = 10 * second;

export interface SocksConnection {
  readonly socket: Socket;
  /** Of this operating-system user. */
  readonly own: boolean;
  /** Called when a password was right. */
  readonly onProven?: () => void;
}

/** Takes a connection that was not read yet, and answers or closes it whatever happens. */
export function serveSocks(parts: SocksParts, connection: SocksConnection): void {
  const { socket } = connection;
  const limit = setTimeout(() => socket.destroy(), handshakeMs).unref();
  socket.once('close', () => clearTimeout(limit));
  serve(parts, connection, () => clearTimeout(limit)).catch((thrown: unknown) => {
    const error = asPosternError(thrown);
    if (error.code === 'internal') parts.log.error({ err: thrown }, 'a SOCKS connection failed');
    if (socket.writable) socket.end(requestReply(replyOf(error)), () => socket.destroy());
    else socket.destroy();
  });
}

async function serve(parts: SocksParts, connection: SocksConnection, understood: () => void): Promise<void> {
  const { socket } = connection;
  const user = await greet(parts.login, connection);
  if (user === undefined) return;
  const request = await read(socket, readRequest);
  if (request === undefined) return close(socket);
  understood();
  if ('refuse' in request) return close(socket, requestReply(request.refuse));
  parts.agent.activity();
  const target = findTarget(parts.agent, user, request.host, request.port);
  if (target.kind === 'refused') throw target.error;
  if (target.kind === 'http') {
    socket.write(requestReply(socksReply.ok));
    parts.proxy.serveInner(socket, target.host, user);
    return;
  }
  const tunnel = await openTunnel(parts, socket, { app: target.app, client: user.client?.name, waits: true });
  socket.write(requestReply(socksReply.ok));
  await tunnel.join();
}

/** Whose the connection is; undefined when it was closed. */
async function greet(login: ProxyLogin, { socket, own, onProven }: SocksConnection): Promise<ProxyUser | undefined> {
  const offered = await read(socket, readGreeting);
  if (offered === undefined) return void close(socket);
  // Java offers a password always, and has none: who needs none is not asked for it.
  if (own && offered.includes(socksMethod.none)) {
    socket.write(methodReply(socksMethod.none));
    return login.own;
  }
  if (!offered.includes(socksMethod.password) || !login.any()) {
    return void close(socket, methodReply(socksMethod.refused));
  }
  socket.write(methodReply(socksMethod.password));
  const given = await read(socket, readLogin);
  if (given === undefined) return void close(socket);
  const user = prove(login, socket, given);
  // RFC 1929 section 2: any other status, and the connection must be closed. Why is for the log alone.
  if (user === undefined) return void close(socket, loginReply(false));
  onProven?.();
  socket.write(loginReply(true));
  return user;
}

function prove(login: ProxyLogin, socket: Socket, given: SocksLogin): ProxyUser | undefined {
  try {
    return login.ofPassword(socket, given.name, given.password);
  } catch (thrown) {
    if (thrown instanceof PosternError) return undefined;
    throw thrown;
  }
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
