/**
 * The proxy auto-configuration file: this person's hosts go to the agent's proxy, everything else goes its own way. It asks no
 * DNS question, so that looking at a host tells nobody of it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PosternError } from '#shared/base/errors.ts';
import { hasFetchMetadata } from './browser-signs.ts';
import { localPathPrefix } from './local-names.ts';

export const pacPath = `${localPathPrefix}proxy.pac`;

/**
 * P30: it lists the apps of a person, so a page that includes it as a script must not get it. A browser's own resolver of
 * proxies sends no `Sec-Fetch-*` (seen with Chromium 156).
 */
export function answerPac(req: IncomingMessage, res: ServerResponse, hosts: readonly string[], port: number): void {
  if (hasFetchMetadata(req.headers)) throw new PosternError('cross-site', 'the PAC file was asked for by a page');
  if (req.method !== 'GET' && req.method !== 'HEAD') throw new PosternError('not-found');
  const text = pacText(hosts, port);
  res.writeHead(200, {
    'content-type': 'application/x-ns-proxy-autoconfig',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-length': Buffer.byteLength(text),
  });
  res.end(req.method === 'HEAD' ? undefined : text);
}

/** For https too: the proxy says why it cannot be, where DIRECT would ask the network for the name. */
export function pacText(hosts: readonly string[], port: number): string {
  const table = Object.fromEntries(hosts.map((host) => [host, 1]));
  return `var hosts = ${JSON.stringify(table)};
function FindProxyForURL(url, host) {
  return Object.prototype.hasOwnProperty.call(hosts, host.toLowerCase()) ? "PROXY 127.0.0.1:${port}" : "DIRECT";
}
`;
}
