/**
 * Apps at their real names: each host name in the zones has a loopback address of its own, at which its HTTP app is at 80 and 443 and its
 * TCP apps at their ports. Follows the list of apps; each port serves this user alone (P30).
 */
import type { Socket } from 'node:net';
import { PosternError } from '#shared/base/errors.ts';
import type { Stoppable } from '#shared/base/lifecycle.ts';
import type { Log } from '#shared/base/log.ts';
import type { AppListed } from '#shared/contracts/agent-to-controller.ts';
import { zoneOf } from '../names/name-table.ts';
import { listenOwn, type OwnPort, type OwnPortOptions } from './listen-own.ts';
import { addressFor } from './real-addresses.ts';
import type { RealNameServer } from './real-name-server.ts';

export interface RealNamesParts {
  readonly zones: readonly string[];
  readonly apps: () => readonly AppListed[];
  readonly server: RealNameServer;
  /** A connection to the port of a TCP app. */
  readonly toTcp: (app: string, socket: Socket) => void;
  /** Differs between profiles. */
  readonly salt: string;
  readonly common: Pick<OwnPortOptions, 'check' | 'trustLoopback' | 'log'>;
  /** Addresses have changed. */
  readonly onChange: () => void;
  readonly log: Log;
}

export interface RealNames extends Stoppable {
  addressOf(host: string): string | undefined;
  /** What is served now: each name with its address and ports. */
  served(): readonly { readonly host: string; readonly address: string; readonly ports: readonly number[] }[];
  /** Brings the ports in line with the list of apps; calls while one runs join a next one. */
  follow(): Promise<void>;
}

interface Place {
  readonly address: string;
  readonly key: string;
  readonly ports: readonly OwnPort[];
}

const attempts = 8;
export const httpPorts = { plain: 80, tls: 443 } as const;

/** Throws `invalid-config` where this process may not have the ports, `conflict` where another program has them everywhere. */
export async function openRealNames(parts: RealNamesParts): Promise<RealNames> {
  const { log } = parts;
  await requirePrivilege(parts);
  const places = new Map<string, Place>();
  let running: Promise<void> | undefined;
  let again = false;
  let stopped = false;

  async function bring(): Promise<void> {
    const wanted = wantedPorts(parts.zones, parts.apps());
    let changed = false;
    for (const [host, place] of places) {
      if (wanted.get(host)?.key === place.key && !stopped) continue;
      places.delete(host);
      changed = true;
      await Promise.all(place.ports.map((port) => port.stop()));
    }
    for (const [host, { key, ports }] of stopped ? [] : wanted) {
      if (places.has(host)) continue;
      try {
        places.set(host, { key, ...(await openPlace(parts, host, ports)) });
        changed = true;
      } catch (error) {
        log.error({ err: error, host }, 'an app cannot be at its real name');
      }
    }
    if (changed) parts.onChange();
  }
  async function run(): Promise<void> {
    do {
      again = false;
      await bring();
    } while (again);
  }
  const follow = (): Promise<void> => {
    again = running !== undefined;
    running ??= run().finally(() => {
      running = undefined;
    });
    return running;
  };
  await follow();
  return {
    addressOf: (host) => places.get(host)?.address,
    served: () =>
      [...places].map(([host, { address, ports }]) => ({ host, address, ports: ports.map(({ port }) => port) })),
    follow,
    async stop() {
      stopped = true;
      await follow();
    },
  };
}

interface Wanted {
  /** Equal while nothing of it changes. */
  readonly key: string;
  /** The id of a TCP app, or nothing for the HTTP app of the name. */
  readonly ports: ReadonlyMap<number, string>;
}

/** By host name. An HTTP app comes before a TCP app that wants one of its ports. */
function wantedPorts(zones: readonly string[], apps: readonly AppListed[]): Map<string, Wanted> {
  const wanted = new Map<string, Map<number, string>>();
  const want = (app: AppListed, port: number | undefined) => {
    for (const host of app.hosts) {
      if (port === undefined || zoneOf(zones, host) === undefined) continue;
      const ports = wanted.get(host) ?? new Map<number, string>();
      wanted.set(host, ports);
      if (!ports.has(port)) ports.set(port, app.kind === 'http' ? '' : app.id);
    }
  };
  for (const app of apps) {
    if (app.kind === 'http') for (const port of Object.values(httpPorts)) want(app, port);
  }
  for (const app of apps) if (app.kind === 'tcp') want(app, app.port);
  return new Map([...wanted].map(([host, ports]) => [host, { key: JSON.stringify([...ports]), ports }]));
}

/** All ports at one address; another address where somebody has one of them. */
async function openPlace(parts: RealNamesParts, host: string, wanted: Wanted['ports']) {
  for (let attempt = 0; ; attempt += 1) {
    const address = addressFor(parts.salt, host, attempt);
    const ports: OwnPort[] = [];
    try {
      for (const [port, app] of wanted) {
        const onSocket = taker(parts, host, port, app);
        ports.push(await listenOwn({ ...parts.common, name: `${host} port ${port}`, host: address, port, onSocket }));
      }
      return { address, ports };
    } catch (error) {
      await Promise.all(ports.map((port) => port.stop()));
      const isTaken = error instanceof PosternError && error.code === 'conflict';
      if (!isTaken || attempt + 1 >= attempts) throw error;
    }
  }
}

function taker({ server, toTcp }: RealNamesParts, host: string, port: number, app: string) {
  if (app !== '') return (socket: Socket) => toTcp(app, socket);
  return port === httpPorts.tls
    ? (socket: Socket) => server.serveTls(socket, host)
    : (socket: Socket) => server.servePlain(socket, host);
}

/** Asked at the start, when there may be no app yet: whoever turned this on wants to hear of it then. */
async function requirePrivilege(parts: RealNamesParts): Promise<void> {
  const ports = Object.values(httpPorts).map((port): [number, string] => [port, '']);
  try {
    const { ports: open } = await openPlace(parts, '', new Map(ports));
    await Promise.all(open.map((port) => port.stop()));
  } catch (error) {
    const { message, code } = error as PosternError;
    const words =
      code === 'conflict'
        ? `${message}, at every loopback address`
        : `${message}. The agent needs CAP_NET_BIND_SERVICE for it (AmbientCapabilities= of its unit; on other systems, these addresses on the loopback interface)`;
    const why = `local.realNames: ${words}. Without it apps are at http://<app>.localhost: set local.realNames to false`;
    throw new PosternError(code === 'conflict' ? 'conflict' : 'invalid-config', why, { cause: error });
  }
}
