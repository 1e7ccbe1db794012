/**
 * The one HTTP door of the agent's local side (P29): by the form of the request and its Host it is the
 * portal's, an app's, the proxy's, or nobody's.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { newTrace } from '#shared/base/bytes.ts';
import { asPosternError, PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import type { Agent } from '../agent-api.ts';
import { withTrouble } from '../diagnosis/explain-failure.ts';
import { admitToPortal } from './admit-browser.ts';
import { answerLocal } from './answer-local.ts';
import type { AppDirectory } from './app-directory.ts';
import type { BrowserCookies } from './browser-cookie.ts';
import { isTopNavigation } from './browser-signs.ts';
import { createCheckHead } from './check-head.ts';
import { createClientsDoor } from './clients-door.ts';
import { createHttpProxy, type HttpProxy } from './http-proxy.ts';
import { createLocalHttpServer, serveConnection, stopServer } from './http-server.ts';
import { readLocalName } from './local-names.ts';
import { answerPac, pacPath } from './pac-file.ts';
import type { PendingStrangers } from './pending-strangers.ts';
import type { ProxyLogin } from './proxy-login.ts';
import { type LocalExchange, upgradeExchange } from './reverse-proxy.ts';
import { type SessionRoutes, sessionPath } from './session-routes.ts';
import type { Sites } from './sites.ts';
import { ownPath, toSite } from './to-site.ts';

/** A request of a browser with its cookie, or of a program; same-origin or a link followed (P29). It answers everything. */
export type PortalHandler = (req: IncomingMessage, res: ServerResponse) => void;

export interface LocalServerParts {
  readonly agent: Pick<Agent, 'traffic' | 'activity' | 'state' | 'apps'>;
  readonly apps: AppDirectory;
  readonly sites: Sites;
  readonly cookies: BrowserCookies;
  readonly sessions: SessionRoutes;
  readonly login: ProxyLogin;
  readonly pending: PendingStrangers;
  readonly portal: PortalHandler;
  readonly port: number;
  readonly log: Log;
}

export interface LocalServer {
  /** Takes a connection that is proven to be this user's. */
  serve(socket: Duplex): void;
  /** Takes any other connection, which reaches the proxy alone, with a client's password; false when it cannot be. */
  serveStranger(socket: Socket): boolean;
  readonly proxy: HttpProxy;
  stop(): void;
}

export function createLocalServer(parts: LocalServerParts): LocalServer {
  const door = new Door(parts);
  const { proxy } = door;
  const strangers = createClientsDoor({ ...parts, proxy, answer: (...answer) => door.answer(...answer) });
  const server = createLocalHttpServer({
    onRequest: (req, res, expects) => door.take({ req, res, target: req.url ?? '', expects }),
    onUpgrade: (req, socket, head) => door.take(upgradeExchange(req, socket, head, req.url ?? '')),
    onConnect: (req, socket, head) => proxy.takeConnect(req, socket as Socket, head, (it) => parts.login.ofOwn(it)),
  });
  return {
    serve: (socket) => serveConnection(server, socket),
    serveStranger: (socket) => strangers.serve(socket),
    proxy,
    stop() {
      stopServer(server);
      strangers.stop();
      proxy.stop();
    },
  };
}

class Door {
  readonly proxy: HttpProxy;
  readonly #parts: LocalServerParts;
  readonly #checkHead = createCheckHead();

  constructor(parts: LocalServerParts) {
    this.#parts = parts;
    this.proxy = createHttpProxy({
      ...parts,
      toSite: (site, exchange) => toSite(this.#parts, site, exchange),
      answer: (req, res, thrown) => this.answer(req, res, thrown),
    });
  }

  /** Answers whatever happens. */
  take(exchange: LocalExchange): void {
    const { req, res } = exchange;
    this.#route(exchange).catch((thrown: unknown) => this.answer(req, res, thrown));
  }

  async #route(exchange: LocalExchange): Promise<void> {
    const { req, res, target } = exchange;
    const wrong = this.#checkHead(req, res);
    if (wrong !== undefined) throw wrong;
    const name = target.startsWith('/') ? readLocalName(req.headers.host ?? '', this.#parts.port) : undefined;
    // P19: a portal left open asks by itself whenever something changes; that is nobody's use.
    const byItself = name?.kind === 'portal' && req.method === 'GET' && target.startsWith('/api/');
    if (!byItself) this.#parts.agent.activity();
    if (!target.startsWith('/')) return this.proxy.takeAbsolute(exchange, this.#parts.login.ofOwn(req));
    if (name === undefined) throw this.#nobodys();
    if (name.kind === 'bare') return this.#atBareName(exchange);
    if (name.kind === 'portal') return this.#atPortal(exchange);
    const site = this.#parts.sites.byId(name.id);
    if (site === undefined) throw unknownApp(this.#parts.agent);
    return toSite(this.#parts, site, exchange);
  }

  async #atPortal({ req, res, target, upgrade, expects }: LocalExchange): Promise<void> {
    const { sites, cookies, sessions, portal } = this.#parts;
    if (upgrade !== undefined) throw new PosternError('not-found');
    if (expects) res.writeContinue();
    const own = ownPath(target);
    if (own?.path === pacPath) return this.#pac(req, res);
    // Its token is what lets the browser in: there is no cookie yet, and the post comes from a file.
    if (own?.path === sessionPath) return sessions.atPortal(req, res, own.query);
    const refusal = admitToPortal(req, sites, cookies);
    if (refusal !== undefined) {
      const isLink = refusal.code === 'browser-unknown' && isTopNavigation(req.method ?? '', req.headers);
      if (!isLink || !sessions.askAgain(req, res, target)) throw refusal;
      return;
    }
    portal(req, res);
  }

  async #atBareName({ req, res, target }: LocalExchange): Promise<void> {
    if (ownPath(target)?.path !== pacPath) throw this.#nobodys();
    this.#pac(req, res);
  }

  #pac(req: IncomingMessage, res: ServerResponse): void {
    answerPac(req, res, this.#parts.apps.httpHosts, this.#parts.port);
  }

  #nobodys(): PosternError {
    const { portalOrigin } = this.#parts.sites;
    const tell = `Apps are at http://<app>.localhost:${this.#parts.port}, the portal is at ${portalOrigin}.`;
    return new PosternError('not-found', undefined, { tell });
  }

  answer(req: IncomingMessage, res: ServerResponse, thrown: unknown): void {
    const error = asPosternError(thrown);
    const trace = newTrace();
    const { log, sites } = this.#parts;
    if (error.code === 'internal') log.error({ err: thrown, trace }, 'a local request failed');
    else log.debug({ problem: error.code, trace }, error.message);
    if (res.headersSent) res.destroy();
    else answerLocal(req, res, { error, trace, portal: sites.portalOrigin });
  }
}

/** P12: an app that is not there and one of somebody else are one answer. While no list could be had, neither is said. */
function unknownApp(agent: Pick<Agent, 'state' | 'apps'>): PosternError {
  const { session, controller } = agent.state();
  if (!session.signedIn) return new PosternError('session-required');
  if (agent.apps().length === 0 && controller.reachable !== true) {
    const tell = 'The controller is not reached, so your apps are not known yet: postern doctor';
    const unknown = new PosternError('unavailable', 'no list of apps was had yet', { tell });
    return controller.trouble === undefined ? unknown : withTrouble(unknown, controller.trouble);
  }
  return new PosternError('not-found', undefined, { tell: 'You have no app of this name.' });
}
