/** P29 and P30: which requests of browsers come in. Programs have been let in by the owner of their connection. Pure. */
import type { IncomingMessage } from 'node:http';
import { PosternError } from '#shared/base/errors.ts';
import type { BrowserCookies } from './browser-cookie.ts';
import { isBrowser, isTopNavigation } from './browser-signs.ts';
import { isFromOwnPage, isWelcome } from './foreign-pages.ts';
import type { Site, Sites } from './sites.ts';

/** `detour`: over the portal, which knows this browser or says what to do. */
export type Admission = 'admit' | 'detour' | PosternError;

export function admitToSite(req: IncomingMessage, site: Site, cookies: BrowserCookies): Admission {
  if (!isBrowser(req.headers) || isWelcome(site, req.headers)) return 'admit';
  if (cookies.isGood(site.cookieHost, req.headers.cookie)) {
    return isFromOwnPage(site, req.headers) ? 'admit' : new PosternError('cross-site');
  }
  if (isTopNavigation(req.method ?? '', req.headers)) return 'detour';
  return new PosternError('browser-unknown', `no cookie for ${site.cookieHost}`);
}

/** The portal takes nothing from other sites but a link to it. Undefined: come in. */
export function admitToPortal(req: IncomingMessage, sites: Sites, cookies: BrowserCookies): PosternError | undefined {
  const { headers } = req;
  const from = headers['sec-fetch-site'];
  const isForeign = from !== undefined && from !== 'same-origin' && from !== 'none';
  const isForeignOrigin = headers.origin !== undefined && headers.origin !== sites.portalOrigin;
  if ((isForeign || isForeignOrigin) && !isTopNavigation(req.method ?? '', headers))
    return new PosternError('cross-site');
  if (!isBrowser(headers) || cookies.isGood(sites.portalHost, headers.cookie)) return undefined;
  return new PosternError('browser-unknown', 'no cookie for the portal');
}
