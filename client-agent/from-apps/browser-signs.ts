/** Whether a request comes from a browser, which any web page can steer, and what kind of request it is. Pure. */
import type { IncomingHttpHeaders } from 'node:http';

/**
 * A page cannot take these away: Fetch Metadata and `User-Agent` are the browser's. Over a plain-HTTP name (the proxy) browsers
 * send no Fetch Metadata, so the user agent has to do. `Sec-Fetch-Mode` alone is Node's own `fetch`, not a browser.
 */
export function isBrowser(headers: IncomingHttpHeaders): boolean {
  return (
    headers['sec-fetch-site'] !== undefined ||
    headers['sec-fetch-dest'] !== undefined ||
    headers['sec-ch-ua'] !== undefined ||
    headers.origin !== undefined ||
    /^(Mozilla|Opera)\//i.test(headers['user-agent'] ?? '') ||
    acceptsPages(headers)
  );
}

/** Any `Sec-Fetch-*` at all: enough to refuse what only a system's proxy resolver should read. */
export function hasFetchMetadata(headers: IncomingHttpHeaders): boolean {
  return Object.keys(headers).some((name) => name.startsWith('sec-fetch-'));
}

/** Somebody follows a link or types an address, in a tab of its own: not a frame, not a script, not a form that posts. */
export function isTopNavigation(method: string, headers: IncomingHttpHeaders): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  const mode = headers['sec-fetch-mode'];
  if (mode === undefined) return acceptsPages(headers);
  return mode === 'navigate' && headers['sec-fetch-dest'] === 'document';
}

/** Whether a page can be shown for an answer, in a tab or a frame, by whatever method. */
export function wantsPage(headers: IncomingHttpHeaders): boolean {
  const mode = headers['sec-fetch-mode'];
  return mode === undefined ? acceptsPages(headers) : mode === 'navigate';
}

function acceptsPages(headers: IncomingHttpHeaders): boolean {
  return headers.accept?.toLowerCase().includes('text/html') === true;
}
