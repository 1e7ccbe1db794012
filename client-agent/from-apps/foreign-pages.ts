/**
 * P22 and P29: which requests of a let-in browser were made by a page that is not the app's own. The gateway judges what browsers say
 * about that; here is what they do not say, and whom the app lists. Pure.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { RawHeaders } from '#shared/wire/http-headers.ts';
import type { Site } from './sites.ts';

/**
 * The app lists the origin of the page, or takes every page. Such a page has no cookie of ours to send, since it is not of this site,
 * and needs none: no page can write `Origin`, and programs of this user come in without a cookie anyway.
 */
export function isWelcome({ app, map }: Site, { origin }: IncomingHttpHeaders): boolean {
  if (app.crossSite === 'allow') return true;
  return origin !== undefined && app.allowOrigins?.includes(map.toReal(origin)) === true;
}

/**
 * Over a plain-HTTP name browsers send no Fetch Metadata, and apps below one domain are one site to them, cookies included. Without
 * `Origin`, what is no navigation must come from a page that shows itself by `Referer`. A page can leave both out, but not claim to be
 * another; and `Upgrade-Insecure-Requests`, the mark of navigations, is none that a script may set without asking.
 */
export function isFromOwnPage({ app, map }: Site, headers: IncomingHttpHeaders): boolean {
  if (map.keepsSecureCookies || headers['sec-fetch-site'] !== undefined) return true;
  if (headers.origin === undefined && headers['upgrade-insecure-requests'] === '1') return true;
  const page = headers.origin ?? headers.referer ?? '';
  return app.hosts.some((host) => page === `http://${host}` || page.startsWith(`http://${host}/`));
}

/** There, a frame cannot be told from a tab by its request: the browser is told not to show it in a page of another. */
export function frameHeaders({ app, map }: Site): RawHeaders {
  if (map.keepsSecureCookies || app.crossSite === 'allow') return [];
  return ['content-security-policy', "frame-ancestors 'self'"];
}
