/**
 * `/.postern-local/session`: how a browser gets its cookie (P30). At the portal by the token of a one-time link; at an app by a
 * detour over the portal, since each app is a site of its own and shares no cookie with it (P29).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PosternError } from '#shared/base/errors.ts';
import { escapeHtml } from '#shared/base/escape-html.ts';
import { sendPage } from './answer-local.ts';
import type { BrowserCookies } from './browser-cookie.ts';
import { isTopNavigation } from './browser-signs.ts';
import { localPathPrefix, safeReturnPath } from './local-names.ts';
import type { OneTimeTokens } from './one-time-tokens.ts';
import type { Site, Sites } from './sites.ts';

export const sessionPath = `${localPathPrefix}session`;
const maxForm = 1024;
const againMark = 'again=1';

export interface SessionRoutes {
  /** The portal's: takes a token by POST, or sends a browser it knows on to an app. Rejects with what to answer. */
  atPortal(req: IncomingMessage, res: ServerResponse, query: URLSearchParams): Promise<void>;
  /** An app's: takes the token that the portal gave. Throws what to answer. */
  atSite(req: IncomingMessage, res: ServerResponse, site: Site, query: URLSearchParams): void;
  /**
   * Makes the portal ask itself for a page, once: who came by a link from elsewhere has not sent the strict cookie. False when
   * it did so already.
   */
  askAgain(req: IncomingMessage, res: ServerResponse, target: string): boolean;
  /** Sends a navigation without a cookie over the portal and back. */
  detour(req: IncomingMessage, res: ServerResponse, site: Site, path: string): void;
}

export function createSessionRoutes(sites: Sites, cookies: BrowserCookies, tokens: OneTimeTokens): SessionRoutes {
  const { portalHost, portalOrigin } = sites;
  const knowsBrowser = (req: IncomingMessage) => cookies.isGood(portalHost, req.headers.cookie);

  async function takePosted(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const to = tokens.take(await readToken(req), portalHost);
    if (to === undefined) throw lapsed();
    // Not a redirect: the post came from a file, and a browser that follows it would keep the strict cookie back.
    const cookie = cookies.issue(portalHost, 'Strict');
    sendPage(res, 200, 'Postern', goTo(to), { 'set-cookie': cookie });
  }

  function passOn(req: IncomingMessage, res: ServerResponse, query: URLSearchParams): void {
    if (!isTopNavigation(req.method ?? '', req.headers)) throw new PosternError('browser-unknown', 'no navigation');
    const site = sites.byCookieHost(query.get('site') ?? '');
    if (site === undefined) throw new PosternError('not-found');
    const to = safeReturnPath(query.get('to'));
    if (knowsBrowser(req)) {
      const token = tokens.issue(site.cookieHost, to);
      redirect(res, `${site.origin}${sessionPath}?token=${token}`);
      return;
    }
    if (query.has('again')) throw new PosternError('browser-unknown');
    // As `askAgain`; here the mark tells the second time, since a typed address may have been redirected to this one.
    const again = new URLSearchParams({ site: site.cookieHost, to, again: '1' });
    sendPage(res, 200, 'Postern', goTo(`${sessionPath}?${again}`));
  }

  return {
    async atPortal(req, res, query) {
      if (req.method === 'POST') await takePosted(req, res);
      else passOn(req, res, query);
    },
    atSite(req, res, site, query) {
      if (!isTopNavigation(req.method ?? '', req.headers)) throw new PosternError('browser-unknown', 'no navigation');
      const to = tokens.take(query.get('token') ?? '', site.cookieHost);
      if (to === undefined) throw lapsed();
      redirect(res, `${site.origin}${to}`, { 'set-cookie': cookies.issue(site.cookieHost, 'Lax') });
    },
    askAgain(req, res, target) {
      const from = req.headers['sec-fetch-site'];
      if (from !== 'cross-site' && from !== 'same-site') return false;
      // A window of a sandboxed page is never of this site: it would ask itself for ever.
      if (target.endsWith(againMark)) return false;
      const path = safeReturnPath(target);
      sendPage(res, 200, 'Postern', goTo(`${path}${path.includes('?') ? '&' : '?'}${againMark}`));
      return true;
    },
    detour(_req, res, site, path) {
      const query = new URLSearchParams({ site: site.cookieHost, to: safeReturnPath(path) });
      redirect(res, `${portalOrigin}${sessionPath}?${query}`);
    },
  };
}

function lapsed(): PosternError {
  return new PosternError('browser-unknown', undefined, {
    tell: 'This link has been used or has lapsed. A browser that was let in before can go on to the portal.',
  });
}

/** Written into the page's head, by our own site. */
function goTo(path: string): string {
  const target = escapeHtml(path);
  return `<meta http-equiv="refresh" content="0;url=${target}"><p><a href="${target}">Go on</a></p>`;
}

function redirect(res: ServerResponse, location: string, headers = {}): void {
  res.writeHead(302, {
    location,
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'content-length': 0,
    ...headers,
  });
  res.end();
}

async function readToken(req: IncomingMessage): Promise<string> {
  const type = req.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') throw new PosternError('bad-request', 'not a form');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxForm) throw new PosternError('body-too-large');
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('latin1')).get('token') ?? '';
}
