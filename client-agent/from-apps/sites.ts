/** The addresses under which a browser or a program asks for an app here: its own site below `localhost`, or its real name. */
import type { AppListed } from '#shared/contracts/agent-to-controller.ts';
import type { AppDirectory } from './app-directory.ts';
import { localOrigin, portalLabel } from './local-names.ts';
import { mainHost, nameUrlMap, sameUrlMap, siteUrlMap, type UrlMap } from './url-map.ts';

export interface Site {
  readonly app: AppListed;
  /** What the app is asked as. */
  readonly host: string;
  /** Where the client believes the app to be. */
  readonly origin: string;
  /** What the browser's cookie is bound to: a host name, with `https:` before it at a real name over TLS. */
  readonly cookieHost: string;
  readonly map: UrlMap;
}

export interface Sites {
  readonly portalOrigin: string;
  readonly portalHost: string;
  /** `http://<id>.localhost:<port>`. */
  byId(id: string): Site | undefined;
  /** `http://<real name>`, through the proxy. */
  byName(host: string): Site | undefined;
  /** `https://<real name>`, on this device, while it is served. */
  byRealName(host: string): Site | undefined;
  byCookieHost(host: string): Site | undefined;
}

export function createSites(
  apps: AppDirectory,
  port: number,
  isServed: (host: string) => boolean = () => false,
): Sites {
  const siteMap = siteUrlMap(apps, port);
  const nameMap = nameUrlMap(apps);
  const byId = (id: string): Site | undefined => {
    const app = apps.httpById(id);
    if (app === undefined) return undefined;
    const origin = localOrigin(id, port);
    return { app, host: mainHost(app), origin, cookieHost: `${id}.localhost`, map: siteMap };
  };
  const byName = (host: string): Site | undefined => {
    const app = apps.httpByHost(host);
    if (app === undefined) return undefined;
    return { app, host, origin: `http://${host}`, cookieHost: host, map: nameMap };
  };
  const byRealName = (host: string): Site | undefined => {
    const app = apps.httpByHost(host);
    // A browser must not be sent there with a token while the name may lead elsewhere.
    if (app === undefined || !isServed(host)) return undefined;
    return { app, host, origin: `https://${host}`, cookieHost: `https:${host}`, map: sameUrlMap };
  };
  const byCookieHost = (host: string): Site | undefined => {
    if (host.startsWith('https:')) return byRealName(host.slice('https:'.length));
    return host.endsWith('.localhost') ? byId(host.slice(0, -'.localhost'.length)) : byName(host);
  };
  return {
    portalOrigin: localOrigin(portalLabel, port),
    portalHost: `${portalLabel}.localhost`,
    byId,
    byName,
    byRealName,
    byCookieHost,
  };
}
