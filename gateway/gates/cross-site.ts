/**
 * P22: the gateway is the app's defence against other sites, since identity is attached by the network and no cookie is
 * asked for. Facts are the browser's own: Fetch Metadata and Origin, which scripts cannot write. A client that sends neither
 * is no browser acting for a page.
 */
import type { HttpApp } from '#shared/contracts/app.ts';
import { type Ask, type Gate, refuse } from './ask.ts';

export const crossSiteGate: Gate = (ask) => {
  const { app } = ask.found;
  if (ask.kind === 'connect') return undefined;
  if (app?.kind !== 'http') return refuse('app-mismatch');
  if (app.crossSite === 'allow') return undefined;
  const foreignSite = ask.fetchSite === 'cross-site' || ask.fetchSite === 'same-site';
  const foreignOrigin = ask.origin !== undefined && !isOwnOrigin(ask.origin, app, ask.host);
  if (!foreignSite && !foreignOrigin) return undefined;
  // A socket carries both directions once it is open: no exception for it.
  if (ask.kind === 'upgrade') return refuse('cross-site');
  if (isTopNavigation(ask)) return undefined;
  if (ask.origin !== undefined && app.allowOrigins?.includes(ask.origin)) return undefined;
  return refuse('cross-site');
};

/** Somebody followed a link: the page that comes is the app's own, shown as itself. Not a frame, not a form that posts. */
function isTopNavigation({ method, fetchMode, fetchDest }: Ask): boolean {
  return (method === 'GET' || method === 'HEAD') && fetchMode === 'navigate' && fetchDest === 'document';
}

/** RFC 6454: scheme, host, port. The port is the one asked for, or the scheme's own. `null` is nobody's. */
function isOwnOrigin(origin: string, app: HttpApp, asked: string): boolean {
  const match = /^https?:\/\/([^/:]+)(?::(\d{1,5}))?$/.exec(origin.toLowerCase());
  if (match === null || !app.hosts.includes(match[1]!)) return false;
  return match[2] === undefined || match[2] === /:(\d{1,5})$/.exec(asked)?.[1];
}
