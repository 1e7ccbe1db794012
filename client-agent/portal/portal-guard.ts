/**
 * Who may ask the portal (P29). The cookie says which browser it is, not which page: what a page of another site starts
 * arrives with the cookie of the portal too, and is told apart by these headers, which no page can set.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { PosternError } from '#shared/base/errors.ts';

export interface Asked {
  readonly method: string;
  /** Without query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

const own = new Set(['same-origin', 'none']);

/** Throws `cross-site`, `bad-request`. `origin`: the portal's own, `http://postern.localhost:7070`. */
export function guardPortal({ method, path, headers }: Asked, origin: string): void {
  const site = headers['sec-fetch-site'];
  const isRead = method === 'GET' || method === 'HEAD';
  if (typeof site === 'string' && !own.has(site) && !isNavigation(method, path, headers)) {
    throw refused(`Sec-Fetch-Site is ${site}`);
  }
  if (headers.origin !== undefined && headers.origin !== origin) throw refused('the Origin is another');
  if (isRead) return;
  // Browsers of today send both with every change. Missing means no: a program that means it says whom it asks for.
  if (site === undefined && headers.origin === undefined) {
    throw refused('a change without Sec-Fetch-Site and without Origin');
  }
  // A form or a script without preflight cannot send this type.
  if (mediaTypeOf(headers) !== 'application/json') {
    throw new PosternError('bad-request', 'a change that is not JSON', {
      tell: 'Content-Type must be application/json',
    });
  }
}

/** A link on another page may open the portal's page, at top level; nothing of the API, and never in a frame. */
function isNavigation(method: string, path: string, headers: IncomingHttpHeaders): boolean {
  return (
    method === 'GET' &&
    headers['sec-fetch-mode'] === 'navigate' &&
    headers['sec-fetch-dest'] === 'document' &&
    !path.startsWith('/api')
  );
}

function mediaTypeOf(headers: IncomingHttpHeaders): string {
  return (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();
}

function refused(why: string): PosternError {
  return new PosternError('cross-site', `the portal refused a request: ${why}`);
}

/** Everything the page needs comes from the portal itself; nothing inline, no frames, no other site. */
export const portalHeaders = {
  'content-security-policy':
    "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
} as const;
