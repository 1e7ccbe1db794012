/** How each leg is looked at: one small look each, which ends with its signal and never rejects. Nothing secret leaves by them. */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { getServers } from 'node:dns';
import { lookup, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { get } from '#shared/base/node-http.ts';
import type { GreetingSeen, HttpSeen, NameSeen, RouteSeen } from './evidence.ts';
import { greet, type Trust } from './greet.ts';
import { silent } from './rules-around.ts';
import { clockSynchronised, toldPortal } from './system-tells.ts';

export interface Probes {
  interfaces(): readonly string[];
  resolve(host: string, signal: AbortSignal): Promise<NameSeen>;
  /** Names that nobody can have, asked of this network. `near`: host names whose parents are asked below, too. */
  wild(near: readonly string[], signal: AbortSignal): Promise<readonly { name: string; address: string }[]>;
  route(ip: string, port: number): Promise<RouteSeen>;
  http(ip: string, host: string, signal: AbortSignal): Promise<HttpSeen | undefined>;
  greet(ip: string, port: number, trust: Trust, signal: AbortSignal): Promise<GreetingSeen>;
  toldPortal(signal: AbortSignal): Promise<string | undefined>;
  clockSynchronised(signal: AbortSignal): Promise<boolean | undefined>;
}

export const systemProbes: Probes = { interfaces, resolve, wild, route, http, greet, toldPortal, clockSynchronised };

/** Without loopback, and without what a device gives itself where nobody gives it an address (RFC 3927, RFC 4291). */
function interfaces(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !/^(169\.254\.|fe[89ab])/i.test(address))
    .map(({ address }) => address);
}

const maxServers = 3;

async function resolve(host: string, signal: AbortSignal): Promise<NameSeen> {
  if (isIP(host) !== 0) return { host, addresses: [host], resolvers: [] };
  const aborted = new Promise<never>((_, reject) =>
    signal.addEventListener('abort', () => reject(Object.assign(new Error(), { code: 'no answer in time' })), {
      once: true,
    }),
  );
  const system = Promise.race([lookup(host, { all: true }), aborted]).then(
    (all) => ({ addresses: all.map(({ address }) => address) }),
    (error: NodeJS.ErrnoException) => ({ addresses: [], failed: error.code ?? error.message }),
  );
  const servers = getServers().slice(0, maxServers);
  const resolvers = await Promise.all(
    servers.map(async (server) => ({ server, said: await sayOf(server, host, signal) })),
  );
  return { host, ...(await system), resolvers };
}

const words: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no such name',
  ENODATA: 'the name has no address',
  ETIMEOUT: silent,
  ECANCELLED: silent,
  ECONNREFUSED: 'no DNS server there',
};

async function sayOf(server: string, host: string, signal: AbortSignal): Promise<string> {
  const { addresses, code } = await askServer(server, host, signal);
  return code === undefined ? addresses.join(', ') : (words[code] ?? code);
}

async function askServer(server: string, name: string, signal: AbortSignal) {
  const resolver = new Resolver({ timeout: 600, tries: 1 });
  const cancel = () => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    resolver.setServers([server]);
    return { addresses: await resolver.resolve4(name), code: undefined };
  } catch (error) {
    return { addresses: [], code: (error as NodeJS.ErrnoException).code ?? 'failed' };
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

/** RFC 6761 section 6.4: nothing is ever below `invalid`. Resolvers of systems know that; those of portals do not. */
async function wild(near: readonly string[], signal: AbortSignal) {
  const [server] = getServers();
  if (server === undefined) return [];
  const random = `postern-${randomBytes(8).toString('hex')}`;
  const parents = near
    .filter((host) => isIP(host) === 0 && host.includes('.'))
    .map((host) => host.slice(host.indexOf('.') + 1));
  const names = [...new Set(['invalid', ...parents])].slice(0, 3).map((parent) => `${random}.${parent}`);
  const asked = await Promise.all(names.map(async (name) => ({ name, ...(await askServer(server, name, signal)) })));
  return asked.flatMap(({ name, addresses: [address] }) => (address === undefined ? [] : [{ name, address }]));
}

/** A connected UDP socket: the kernel looks for the way, and no packet is sent. */
function route(ip: string, port: number): Promise<RouteSeen> {
  return new Promise((resolve) => {
    const socket = createSocket(isIP(ip) === 6 ? 'udp6' : 'udp4');
    const end = (seen: RouteSeen) => {
      socket.close();
      resolve(seen);
    };
    socket.once('error', (error: NodeJS.ErrnoException) => end({ failed: error.code ?? error.message }));
    socket.connect(port, ip, (error?: NodeJS.ErrnoException) =>
      end(error ? { failed: error.code ?? error.message } : { from: socket.address().address }),
    );
  });
}

function http(ip: string, host: string, signal: AbortSignal): Promise<HttpSeen | undefined> {
  return new Promise((resolve) => {
    const request = get({ host: ip, port: 80, path: '/', headers: { host }, signal, agent: false }, (response) => {
      const { statusCode: status = 0, headers } = response;
      response.destroy();
      const leadsTo = hostOfUrl(headers.location);
      resolve({ status, ...(leadsTo === undefined ? {} : { leadsTo }) });
    });
    request.once('error', () => resolve(undefined));
  });
}

function hostOfUrl(location: string | undefined): string | undefined {
  if (location === undefined || !/^https?:\/\//i.test(location)) return undefined;
  return URL.parse(location)?.hostname;
}
