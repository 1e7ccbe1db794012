/**
 * The HTTP proxy on the same port: requests in absolute form, and CONNECT. It reaches this person's apps and nothing else, so
 * that it is no way around anything; for a client of `postern client add`, the apps it was made for.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { PosternError } from '#shared/base/errors.ts';
import { releaseSocket, responseOnSocket } from '#shared/wire/forward-socket-response.ts';
import type { Agent } from '../agent-api.ts';
import { isBrowser } from './browser-signs.ts';
import { createCheckHead } from './check-head.ts';
import { createLocalHttpServer, serveConnection, stopServer } from './http-server.ts';
import type { ProxyLogin, ProxyUser } from './proxy-login.ts';
import { type LocalExchange, upgradeExchange } from './reverse-proxy.ts';
import type { Site } from './sites.ts';
import { openTunnel } from './tunnel-to-app.ts';

export interface HttpProxyParts {
  readonly agent: Pick<Agent, 'traffic' | 'activity' | 'state'>;
  readonly login: Pick<ProxyLogin, 'check'>;
  /** The cookie check and the way to the app. */
  readonly toSite: (site: Site, exchange: LocalExchange) => Promise<void>;
  readonly answer: (req: IncomingMessage, res: ServerResponse, thrown: unknown) => void;
}

export interface HttpProxy {
  /** `GET http://wiki.corp.internal/path`. Rejects with what to answer. */
  takeAbsolute(exchange: LocalExchange, user: ProxyUser): Promise<void>;
  /** `who` may throw what to answer. */
  takeConnect(req: IncomingMessage, socket: Socket, head: Buffer, who: Who): void;
  /** A connection on which a program speaks plain HTTP to this app's host: after CONNECT or SOCKS. */
  serveInner(socket: Duplex, host: string, user: ProxyUser): void;
  stop(): void;
}

export type Who = (req: IncomingMessage) => ProxyUser;

interface Inner {
  readonly host: string;
  readonly user: ProxyUser;
}

export type ProxyTarget =
  | { readonly kind: 'tcp'; readonly app: string }
  | { readonly kind: 'http'; readonly host: string }
  | { readonly kind: 'refused'; readonly error: PosternError };

const absoluteForm = /^(https?):\/\/([^/?#]+)(.*)$/i;

export function createHttpProxy(parts: HttpProxyParts): HttpProxy {
  const checkHead = createCheckHead();
  const inners = new WeakMap<object, Inner>();
  const inner = createLocalHttpServer({
    onRequest: (req, res, expects) => takeInner({ req, res, target: req.url ?? '', expects }),
    onUpgrade: (req, socket, head) => takeInner(upgradeExchange(req, socket, head, req.url ?? '')),
  });

  function takeInner(exchange: LocalExchange): void {
    const { req, res } = exchange;
    routeInner(exchange).catch((thrown: unknown) => parts.answer(req, res, thrown));
  }

  async function routeInner(exchange: LocalExchange): Promise<void> {
    const { req, res, target } = exchange;
    const wrong = checkHead(req, res);
    if (wrong !== undefined) throw wrong;
    parts.agent.activity();
    const opened = inners.get(req.socket);
    const asked = (req.headers.host ?? '').toLowerCase().replace(/:80$/, '');
    // What the tunnel was opened for is all it is good for.
    if (opened === undefined || asked !== opened.host || !target.startsWith('/')) {
      throw new PosternError('request-refused', undefined, { extra: { reason: 'host-mismatch' } });
    }
    parts.login.check(opened.user);
    return toNamedSite(opened, exchange);
  }

  function toNamedSite({ host, user }: Inner, exchange: LocalExchange): Promise<void> {
    const site = user.sites.byName(host);
    if (site === undefined) throw notAnApp(parts.agent);
    return parts.toSite(site, { ...exchange, client: user.client?.name });
  }

  async function takeAbsolute(exchange: LocalExchange, user: ProxyUser): Promise<void> {
    const [, scheme = '', authority = '', rest = ''] = absoluteForm.exec(exchange.target) ?? [];
    if (scheme.toLowerCase() === 'https') throw noHttps();
    const { host, port } = splitAuthority(authority, 80);
    if (port !== 80) throw notAnApp(parts.agent);
    // RFC 9112 section 3.2.1: an empty path is `/`.
    await toNamedSite({ host, user }, { ...exchange, target: rest.startsWith('/') ? rest : `/${rest}` });
  }

  async function connect(req: IncomingMessage, socket: Socket, head: Buffer, who: Who): Promise<void> {
    const wrong = checkHead(req, responseOnSocket(req, socket));
    if (wrong !== undefined) throw wrong;
    const user = who(req);
    parts.agent.activity();
    // What came behind the head belongs to the tunnel. Back in the socket, an end behind it waits to be read with it.
    if (head.length > 0) socket.unshift(head);
    const { host, port } = splitAuthority(req.url ?? '', 0);
    const target = findTarget(parts.agent, user, host, port);
    if (target.kind === 'refused') throw target.error;
    if (target.kind === 'http') {
      establish(socket);
      serveInner(socket, target.host, user);
      return;
    }
    // A page that opens `ws://` or `https://` there would speak HTTP, in its own words, to whatever listens.
    if (isBrowser(req.headers)) {
      throw new PosternError('not-allowed', undefined, { tell: 'Browsers are not connected to apps of this kind.' });
    }
    const tunnel = await openTunnel(parts, socket, { app: target.app, client: user.client?.name, waits: true });
    establish(socket);
    await tunnel.join();
  }

  function serveInner(socket: Duplex, host: string, user: ProxyUser): void {
    inners.set(socket, { host, user });
    serveConnection(inner, socket);
  }

  return {
    takeAbsolute,
    serveInner,
    stop: () => stopServer(inner),
    takeConnect(req, socket, head, who) {
      // A reset while nobody else listens must not end the process; 'close' follows.
      socket.on('error', () => {});
      connect(req, socket, head, who).catch((thrown: unknown) => {
        if (!socket.destroyed) parts.answer(req, responseOnSocket(req, socket), thrown);
      });
    },
  };
}

/** Where a tunnel to `host:port` leads. `port` 0: none was named. */
export function findTarget(
  agent: Pick<Agent, 'state'>,
  { apps }: Pick<ProxyUser, 'apps'>,
  host: string,
  port: number,
): ProxyTarget {
  const tcp = apps.tcpByAddress(host, port);
  if (tcp !== undefined) return { kind: 'tcp', app: tcp.id };
  if (apps.httpByHost(host) !== undefined) {
    if (port === 80) return { kind: 'http', host };
    if (port === 443) return { kind: 'refused', error: noHttps() };
  }
  return { kind: 'refused', error: notAnApp(agent) };
}

function notAnApp(agent: Pick<Agent, 'state'>): PosternError {
  if (!agent.state().session.signedIn) return new PosternError('session-required');
  return new PosternError('not-allowed', undefined, { tell: 'This proxy reaches your apps and nothing else.' });
}

function noHttps(): PosternError {
  const tell =
    'Through this proxy apps are asked by http://, without https; the way to the app is encrypted all the same.';
  return new PosternError('not-allowed', undefined, { tell });
}

function establish(socket: Socket): void {
  releaseSocket(socket);
  socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
}

function splitAuthority(authority: string, defaultPort: number): { host: string; port: number } {
  const match = /^(.*?)(?::(\d{1,5}))?$/.exec(authority.toLowerCase());
  return { host: match?.[1] ?? '', port: match?.[2] === undefined ? defaultPort : Number(match[2]) };
}
