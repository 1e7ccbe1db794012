/** Starts everything on loopback that programs and browsers of this user talk to. */
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { Lifecycle } from '#shared/base/lifecycle.ts';
import type { Log } from '#shared/base/log.ts';
import { problemText } from '#shared/wire/answer-malformed.ts';
import type { Agent, LocalSide } from '../agent-api.ts';
import type { ClientDesk } from '../clients/client-desk.ts';
import type { AgentConfig } from '../config.ts';
import type { WhoAsks } from '../names/who-asks.ts';
import { createAppDirectory } from './app-directory.ts';
import { BrowserCookies } from './browser-cookie.ts';
import { listenForClients } from './listen-clients.ts';
import { listenOwn, type OwnPortOptions } from './listen-own.ts';
import { type LocalPort, openLocalPort, openPortFor } from './local-ports.ts';
import { createLocalServer, type LocalServer, type PortalHandler } from './local-server.ts';
import { LinkFiles } from './one-time-link.ts';
import { OneTimeTokens } from './one-time-tokens.ts';
import { createOwnerCheck, type OwnerCheck, systemOwnerParts } from './owner-check.ts';
import { pacPath } from './pac-file.ts';
import { PendingStrangers } from './pending-strangers.ts';
import { createProxyLogin } from './proxy-login.ts';
import { createSessionRoutes, sessionPath } from './session-routes.ts';
import { createSites, type Sites } from './sites.ts';
import { type SocksConnection, serveSocks } from './socks5.ts';
import type { StartedNames } from './start-names.ts';

export interface LocalSideParts {
  readonly agent: Agent;
  readonly config: AgentConfig['local'];
  readonly clients: ClientDesk;
  /** Of the profile: one-time links are written below it. */
  readonly directory: string;
  /** Called for requests to the portal that passed P29 and P30. */
  readonly portal: PortalHandler;
  readonly clock: Clock;
  readonly log: Log;
  /** The system's unless told. */
  readonly ownerCheck?: OwnerCheck;
  readonly whoAsks?: WhoAsks;
}

export interface StartedLocalSide extends LocalSide {
  readonly ports: {
    /** Portal, apps, HTTP proxy, PAC file. */
    readonly portal: number;
    readonly socks?: number;
    readonly dns?: number;
    /** Of TCP apps, by id. */
    readonly tcp: Readonly<Record<string, number>>;
  };
  /** Path of a 0600 file that lets one browser in, once, within 30 s; `to` is a path of the portal. */
  oneTimeLink(to?: string): string;
  /** `postern connect <app>`: `port` 0 takes any. Throws `not-allowed`, `conflict`. */
  openPort(app: string, port: number): Promise<LocalPort>;
}

/** Throws `conflict` with the name of the owner of a taken port; nothing listens then. */
export async function startLocalSide(parts: LocalSideParts): Promise<StartedLocalSide> {
  const { agent, config, clients, clock, log, directory } = parts;
  const lifecycle = new Lifecycle(log);
  try {
    const apps = createAppDirectory(() => agent.apps());
    const check = parts.ownerCheck ?? createOwnerCheck(systemOwnerParts());
    const common = { check, trustLoopback: config.trustLoopback, log };
    if (config.trustLoopback) log.warn('local connections whose owner cannot be told are served: development only');
    const links = lifecycle.add('links', new LinkFiles(join(directory, 'links')));
    const tokens = new OneTimeTokens(clock);

    // The port is known only once it listens; who is faster than the server waits for it.
    const ready = Promise.withResolvers<LocalServer>();
    const onReady = (act: (server: LocalServer) => void) => void ready.promise.then(act);
    const onStranger = (socket: Socket): boolean => {
      if (!clients.any()) return false;
      onReady((it) => {
        if (!it.serveStranger(socket)) socket.destroy();
      });
      return true;
    };
    const main = await listenHttp(common, config.portal, (socket) => onReady((it) => it.serve(socket)), onStranger);
    lifecycle.add('local port', main);
    const { port } = main;
    let names: StartedNames | undefined;
    const isServed = (host: string) => names?.addressOf(host) !== undefined;
    const sites = createSites(apps, port, isServed);
    const cookies = new BrowserCookies(clock, port);
    const sessions = createSessionRoutes(sites, cookies, tokens);
    const login = createProxyLogin({ apps, sites, clients, port });
    const pending = new PendingStrangers();
    const shown = { apps, sites, cookies, sessions, login, pending };
    const server = createLocalServer({ agent, ...shown, portal: parts.portal, port, log });
    lifecycle.add('local server', server);
    ready.resolve(server);

    const { proxy } = server;
    const toSocks = (connection: SocksConnection) => serveSocks({ agent, login, proxy, log }, connection);
    const onSocksStranger = (socket: Socket): boolean => {
      const onProven = clients.any() ? pending.take(socket) : undefined;
      if (onProven !== undefined) toSocks({ socket, own: false, onProven });
      return onProven !== undefined;
    };
    const socksOptions: OwnPortOptions = {
      ...common,
      name: 'socks',
      port: config.socks,
      onSocket: (socket) => toSocks({ socket, own: true }),
      onUnproven: onSocksStranger,
    };
    const socks = config.socks === 0 ? undefined : lifecycle.add('socks', await listenOwn(socksOptions));

    const forClients = [{ check, log, name: 'client proxy', port, onSocket: onStranger }];
    if (socks !== undefined) {
      forClients.push({ check, log, name: 'client socks', port: socks.port, onSocket: onSocksStranger });
    }
    const clientPorts = lifecycle.add('client ports', await listenForClients(config.clientAddresses, forClients));

    const portParts = { agent, apps, ...common };
    const tcp: Record<string, number> = {};
    for (const [app, wanted] of Object.entries(config.tcp)) {
      tcp[app] = lifecycle.add(`port of ${app}`, await openLocalPort(portParts, app, wanted)).port;
    }

    if (config.dns.zones.length > 0 || config.realNames) {
      const { startNames } = await import('./start-names.ts');
      names = await startNames({ parts, agent, apps, sites, cookies, sessions, common, lifecycle, log });
    }
    const dns = names?.dns;

    const oneTimeLink = (to = '/'): string =>
      links.write(`${sites.portalOrigin}${sessionPath}`, tokens.issue(sites.portalHost, to));
    return {
      ports: { portal: port, ...(socks === undefined ? {} : { socks: socks.port }), ...dnsPort(dns), tcp },
      oneTimeLink,
      openLink: async (app) => openLink(sites, oneTimeLink, app),
      openPort: async (app, wanted) => lifecycle.add(`port of ${app}`, await openPortFor(portParts, app, wanted)),
      addresses: () => [
        ...addresses(sites, port, socks?.port, tcp),
        ...clientPorts.listening(),
        ...(dns === undefined ? [] : [{ name: 'dns', address: `${config.dns.address}:${dns.port}` }]),
        ...(names?.listening() ?? []),
      ],
      stop: () => lifecycle.stop(),
    };
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
}

const dnsPort = (dns: { readonly port: number } | undefined) => (dns === undefined ? {} : { dns: dns.port });

type Common = Pick<OwnPortOptions, 'check' | 'trustLoopback' | 'log'>;

function listenHttp(
  common: Common,
  port: number,
  onSocket: OwnPortOptions['onSocket'],
  onUnproven: OwnPortOptions['onUnproven'],
) {
  return listenOwn({
    ...common,
    name: 'portal and apps',
    port,
    onSocket,
    onUnproven,
    refusal: (error) => problemText(error, 'Forbidden'),
  });
}

function openLink(sites: Sites, oneTimeLink: (to?: string) => string, app: string | undefined) {
  if (app === undefined) return { file: oneTimeLink(), url: `${sites.portalOrigin}/` };
  const plain = sites.byId(app);
  // Its own name is what links to it say.
  const site = plain === undefined ? undefined : (sites.byRealName(plain.host) ?? plain);
  if (site === undefined) {
    throw new PosternError('not-allowed', undefined, {
      tell: `You have no app called ${app} that a browser can open.`,
    });
  }
  const query = new URLSearchParams({ site: site.cookieHost, to: '/' });
  return { file: oneTimeLink(`${sessionPath}?${query}`), url: `${site.origin}/` };
}

function addresses(sites: Sites, port: number, socks: number | undefined, tcp: Readonly<Record<string, number>>) {
  return [
    { name: 'portal', address: sites.portalOrigin },
    { name: 'proxy', address: `http://127.0.0.1:${port}` },
    { name: 'pac', address: `${sites.portalOrigin}${pacPath}` },
    ...(socks === undefined ? [] : [{ name: 'socks', address: `127.0.0.1:${socks}` }]),
    ...Object.entries(tcp).map(([app, at]) => ({ name: app, address: `127.0.0.1:${at}` })),
  ];
}
