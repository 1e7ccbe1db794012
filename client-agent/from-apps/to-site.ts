/** A request at an app's own site, whatever its address: ours by a reserved path, or on to the app once the browser is admitted. */
import { PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import type { Agent } from '../agent-api.ts';
import { admitToSite } from './admit-browser.ts';
import type { BrowserCookies } from './browser-cookie.ts';
import { localPathPrefix } from './local-names.ts';
import { forwardToApp, type LocalExchange } from './reverse-proxy.ts';
import { type SessionRoutes, sessionPath } from './session-routes.ts';
import type { Site, Sites } from './sites.ts';

export interface ToSiteParts {
  readonly agent: Pick<Agent, 'traffic' | 'activity'>;
  readonly sites: Pick<Sites, 'portalOrigin'>;
  readonly cookies: BrowserCookies;
  readonly sessions: SessionRoutes;
  readonly log: Log;
}

/** Throws what to answer. */
export async function toSite(parts: ToSiteParts, site: Site, exchange: LocalExchange): Promise<void> {
  const { req, res, target, upgrade } = exchange;
  const { cookies, sessions } = parts;
  const own = upgrade === undefined ? ownPath(target) : undefined;
  if (own?.path === sessionPath && exchange.client === undefined) return sessions.atSite(req, res, site, own.query);
  if (own !== undefined) throw new PosternError('not-found');
  // A client's password stands for the cookie: both are what this person gave to this one program.
  const admission = exchange.client === undefined ? admitToSite(req, site, cookies) : 'admit';
  if (admission === 'detour') return sessions.detour(req, res, site, target);
  if (admission !== 'admit') throw admission;
  await forwardToApp({ ...parts, portalOrigin: parts.sites.portalOrigin }, site, exchange);
}

/** Of `/.postern-local/...`, which is nobody else's on any host. */
export function ownPath(target: string): { readonly path: string; readonly query: URLSearchParams } | undefined {
  if (!target.startsWith(localPathPrefix)) return undefined;
  const [path = '', query = ''] = target.split('?', 2);
  return { path, query: new URLSearchParams(query) };
}
