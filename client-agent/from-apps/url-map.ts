/**
 * Between the addresses that a browser sees here and those that an app knows of itself (P29). Apps are told that they are
 * asked by https, which is what the gateway says to them. Pure.
 */
import type { AppListed } from '#shared/contracts/agent-to-controller.ts';
import type { AppDirectory } from './app-directory.ts';
import { localOrigin, readLocalName } from './local-names.ts';

export interface UrlMap {
  /** An absolute URL or origin of the browser's as the app knows it; what is no app of this person comes back as it is. */
  toReal(url: string): string;
  /** An absolute or scheme-relative URL or origin of an app as the browser must ask for it. */
  toLocal(url: string): string;
  /** Whether a browser that is at such an address keeps `Secure` cookies and cookies with prefixes. */
  readonly keepsSecureCookies: boolean;
}

const absolute = /^(?:([a-z][a-z0-9+.-]*):)?\/\/([^/?#\\@\s]*)((?:[/?#\\].*)?)$/is;

/** For `http://<app>.localhost:<port>`. Chromium and Firefox treat it as trustworthy, so secure cookies work there. */
export function siteUrlMap(apps: AppDirectory, port: number): UrlMap {
  return {
    keepsSecureCookies: true,
    toReal: (url) =>
      rewrite(url, (scheme, authority) => {
        const name = scheme === 'http' ? readLocalName(authority, port) : undefined;
        const app = name?.kind === 'app' ? apps.httpById(name.id) : undefined;
        return app === undefined ? undefined : `https://${mainHost(app)}`;
      }),
    toLocal: (url) =>
      rewrite(url, (scheme, authority) => {
        const host = hostByWeb(scheme, authority);
        const app = host === undefined ? undefined : apps.httpByHost(host);
        return app === undefined ? undefined : localOrigin(app.id, port);
      }),
  };
}

/** For real host names over plain HTTP through the proxy: only the scheme differs. */
export function nameUrlMap(apps: AppDirectory): UrlMap {
  const map = (to: 'http' | 'https') => (url: string) =>
    rewrite(url, (scheme, authority) => {
      const host = hostByWeb(scheme, authority);
      return host === undefined || apps.httpByHost(host) === undefined ? undefined : `${to}://${host}`;
    });
  return { keepsSecureCookies: false, toReal: map('https'), toLocal: map('http') };
}

/** For real host names over TLS: a browser sees what the app knows. */
export const sameUrlMap: UrlMap = { keepsSecureCookies: true, toReal: (url) => url, toLocal: (url) => url };

/** What the app is asked as. */
export function mainHost(app: AppListed): string {
  return app.hosts[0]!;
}

function rewrite(url: string, origin: (scheme: string | undefined, authority: string) => string | undefined): string {
  const match = absolute.exec(url);
  if (match === null) return url;
  const mapped = origin(match[1]?.toLowerCase(), match[2]!.toLowerCase());
  return mapped === undefined ? url : `${mapped}${match[3]}`;
}

/** The host of a web address with no port or a usual one; a missing scheme is the one of the page. */
function hostByWeb(scheme: string | undefined, authority: string): string | undefined {
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https') return undefined;
  return authority.replace(/:(80|443)$/, '');
}
