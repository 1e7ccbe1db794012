/**
 * What answers at the real name of an HTTP app on this device: TLS by a certificate for exactly that name, then the same flow as at
 * `<app>.localhost`; without TLS only a redirect to it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { newTrace } from '#shared/base/bytes.ts';
import { second } from '#shared/base/clock.ts';
import { asPosternError, PosternError } from '#shared/base/errors.ts';
import type { NamesIssuer } from '../keystore/names-issuer.ts';
import { answerLocal } from './answer-local.ts';
import { createCheckHead } from './check-head.ts';
import { createLocalHttpServer, serveConnection, stopServer } from './http-server.ts';
import { type LocalExchange, upgradeExchange } from './reverse-proxy.ts';
import type { Sites } from './sites.ts';
import { type ToSiteParts, toSite } from './to-site.ts';

export interface RealNameServerParts extends ToSiteParts {
  readonly sites: Sites;
  readonly issuer: NamesIssuer;
}

export interface RealNameServer {
  /** Takes a connection to `host` at the port for TLS that is proven to be this user's. */
  serveTls(socket: Socket, host: string): void;
  /** The same at the port without TLS. */
  servePlain(socket: Socket, host: string): void;
  stop(): void;
}

const handshakeMs = 10 * second;

export function createRealNameServer(parts: RealNameServerParts): RealNameServer {
  const { sites, issuer, log } = parts;
  const checkHead = createCheckHead();
  /** Which name a connection was made to: known by the address it came in at. */
  const hosts = new WeakMap<object, string>();

  function answer(req: IncomingMessage, res: ServerResponse, thrown: unknown): void {
    const error = asPosternError(thrown);
    const trace = newTrace();
    if (error.code === 'internal') log.error({ err: thrown, trace }, 'a local request failed');
    else log.debug({ problem: error.code, trace }, error.message);
    if (res.headersSent) res.destroy();
    else answerLocal(req, res, { error, trace, portal: sites.portalOrigin });
  }

  async function route(exchange: LocalExchange): Promise<void> {
    const { req, res, target } = exchange;
    const wrong = checkHead(req, res);
    if (wrong !== undefined) throw wrong;
    const host = hosts.get(req.socket);
    const named = (req.headers.host ?? '').toLowerCase().replace(/:(80|443)$/, '');
    // Another name at this address is a stranger's DNS that points here.
    if (host === undefined || named !== host || !target.startsWith('/')) throw new PosternError('not-found');
    if (!(req.socket instanceof TLSSocket)) return redirect(res, `https://${host}${target}`);
    parts.agent.activity();
    const site = sites.byRealName(host);
    if (site === undefined) throw new PosternError('not-found', undefined, { tell: 'You have no app of this name.' });
    await toSite(parts, site, exchange);
  }
  const take = (exchange: LocalExchange): void => {
    route(exchange).catch((thrown: unknown) => answer(exchange.req, exchange.res, thrown));
  };
  const http = createLocalHttpServer({
    onRequest: (req, res, expects) => take({ req, res, target: req.url ?? '', expects }),
    onUpgrade: (req, socket, head) => take(upgradeExchange(req, socket, head, req.url ?? '')),
  });

  async function startTls(socket: Socket, host: string): Promise<void> {
    const secureContext = await issuer.contextFor(host);
    if (socket.destroyed) return;
    const tls = new TLSSocket(socket, { isServer: true, secureContext, ALPNProtocols: ['http/1.1'] });
    const timer = setTimeout(() => socket.destroy(), handshakeMs);
    tls.once('close', () => clearTimeout(timer));
    tls.on('error', (error) => {
      log.debug({ err: error, host }, 'TLS at the name of an app failed');
      socket.destroy();
    });
    tls.once('secure', () => {
      clearTimeout(timer);
      hosts.set(tls, host);
      serveConnection(http, tls);
    });
    socket.resume();
  }
  return {
    serveTls(socket, host) {
      startTls(socket, host).catch((error: unknown) => {
        log.error({ err: error, host }, 'no certificate could be made');
        socket.destroy();
      });
    },
    servePlain(socket, host) {
      hosts.set(socket, host);
      serveConnection(http, socket);
    },
    stop() {
      stopServer(http);
    },
  };
}

/** 308: what is asked again is what was asked. A form that was sent without TLS has been sent on loopback alone. */
function redirect(res: ServerResponse, location: string): void {
  res.writeHead(308, { location, 'cache-control': 'no-store', 'content-length': 0 });
  res.end();
}
