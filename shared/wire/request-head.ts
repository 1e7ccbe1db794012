/**
 * Refuses the request heads that Node's parser lets through and that two parsers could read in two ways: request
 * smuggling, a Host that differs from the target, a name that poses as another. Pure; runs before every gate (P9, P21).
 * RFC 9112 sections 3.2, 6.1, 6.3, 11.2; RFC 9110 section 7.2.
 */
import { HeaderNames } from './header-names.ts';
import { listMembers } from './http-headers.ts';

/** The closed list of refusals. */
export const headReasons = [
  'http-version',
  'method',
  'target',
  'host-missing',
  'host-repeated',
  'host-malformed',
  'host-mismatch',
  'transfer-encoding',
  'content-length',
  'length-conflict',
  'header-lookalike',
  'header-repeated',
  'too-many-headers',
  'body-with-upgrade',
  'body-with-connect',
  'expect',
  'after-refusal',
] as const;
export type HeadReason = (typeof headReasons)[number];

export interface RequestHead {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
}

/** Node silently drops what exceeds `maxHeadersCount` (2,000): a head that came near was perhaps not read whole. */
const maxHeaders = 256;

/** TRACE would hand the identity headers back to a script; PRI is the HTTP/2 preface. */
const refusedMethods = new Set(['TRACE', 'TRACK', 'PRI']);

/** Node joins or drops the second of these; another parser may take the other one. */
const singletons = new HeaderNames([
  'host',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'expect',
  'origin',
  'postern-grant',
  'sec-fetch-site',
  'sec-fetch-mode',
  'sec-fetch-dest',
  'sec-websocket-key',
  'sec-websocket-version',
]);

/** With `_` read as `-` these would frame or route the message for some parsers behind us. */
const structural = new HeaderNames([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'upgrade',
  'expect',
  'te',
  'trailer',
]);

/** Methods that need no look at their letters. */
const usual = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT']);
const methodToken = /^[A-Z][A-Z-]*$/;
// Visible ASCII; `#` never travels, and what else is odd in a path is the business of the canonical request.
const originForm = /^\/[\x21\x22\x24-\x7e]*$/;
const absoluteForm = /^(https?):\/\/([^/?#@\\\s]+)(?:[/?][\x21\x22\x24-\x7e]*)?$/i;
/** The most of what `authority` takes, without a port. */
const plainHost = /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9.])?$/i;
const authority = /^(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9.])?|\[[0-9a-f:.]{2,45}\])(?::(\d{1,5}))?$/i;

/** The first reason to refuse, or undefined. `host-*` of a CONNECT is held against its target. */
export function checkRequestHead(head: RequestHead): HeadReason | undefined {
  const { method = '', url = '', rawHeaders } = head;
  if (head.httpVersion !== '1.1' && head.httpVersion !== '1.0') return 'http-version';
  if (!usual.has(method) && (!methodToken.test(method) || refusedMethods.has(method))) return 'method';
  if (rawHeaders.length > 2 * maxHeaders) return 'too-many-headers';

  const found: Found = { names: [], host: undefined, length: undefined, encoding: undefined, expect: undefined };
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const spelled = rawHeaders[i]!;
    if (spelled.includes('_') && structural.has(spelled.replaceAll('_', '-'))) return 'header-lookalike';
    if (!singletons.has(spelled)) continue;
    const name = spelled.toLowerCase();
    if (found.names.includes(name)) return repeated(name);
    found.names.push(name);
    note(found, name, rawHeaders[i + 1]!);
  }
  return checkTarget(method, url, found.host) ?? checkFraming(method, head.httpVersion, found);
}

/**
 * As `checkRequestHead`, for the requests of one server, and refuses whatever follows on the same connection where nobody can
 * say where the next message really begins: behind a refused head (Node hands pipelined requests on at once) and behind an
 * `Upgrade` that is none (Node throws away what came with it). The answer closes the connection.
 */
export function createHeadGuard(): HeadGuard {
  const closing = new WeakSet<object>();
  return (req, res) => {
    const reason = closing.has(req.socket) ? 'after-refusal' : checkRequestHead(req);
    if (reason === undefined && (req.headers.upgrade === undefined || isWebSocketUpgrade(req))) return undefined;
    closing.add(req.socket);
    res.shouldKeepAlive = false;
    return reason;
  };
}

export type HeadGuard = (
  req: RequestHead & { readonly socket: object; readonly headers: { readonly upgrade?: string | undefined } },
  res: { shouldKeepAlive: boolean },
) => HeadReason | undefined;

/** The singletons of one head: two or three of them, for which looking through a list takes less than making a Map. */
interface Found {
  readonly names: string[];
  host: string | undefined;
  length: string | undefined;
  encoding: string | undefined;
  expect: string | undefined;
}

function note(found: Found, name: string, value: string): void {
  if (name === 'host') found.host = value;
  else if (name === 'content-length') found.length = value;
  else if (name === 'transfer-encoding') found.encoding = value;
  else if (name === 'expect') found.expect = value;
}

function repeated(name: string): HeadReason {
  if (name === 'host') return 'host-repeated';
  if (name === 'content-length' || name === 'transfer-encoding') return name;
  return 'header-repeated';
}

function checkTarget(method: string, url: string, host: string | undefined): HeadReason | undefined {
  if (host === undefined) return 'host-missing';
  if (!isAuthority(host)) return 'host-malformed';
  if (method === 'CONNECT') {
    // Authority form and nothing else, with a port: RFC 9112 section 3.2.3.
    if (!isAuthority(url) || !/:\d+$/.test(url)) return 'target';
    return sameAuthority(url, host, '') ? undefined : 'host-mismatch';
  }
  if (originForm.test(url)) return undefined;
  const absolute = absoluteForm.exec(url);
  if (absolute === null || !isAuthority(absolute[2]!)) return 'target';
  const defaultPort = absolute[1]!.toLowerCase() === 'https' ? '443' : '80';
  return sameAuthority(absolute[2]!, host, defaultPort) ? undefined : 'host-mismatch';
}

function checkFraming(method: string, version: string, found: Found): HeadReason | undefined {
  const { encoding, length, expect } = found;
  // A 1.0 parser ignores the coding and reads the body as the next request.
  if (encoding !== undefined && (version === '1.0' || encoding.toLowerCase() !== 'chunked')) return 'transfer-encoding';
  if (length !== undefined && !/^\d{1,15}$/.test(length)) return 'content-length';
  if (encoding !== undefined && length !== undefined) return 'length-conflict';
  const hasBody = encoding !== undefined || (length !== undefined && Number(length) !== 0);
  if (hasBody && found.names.includes('upgrade')) return 'body-with-upgrade';
  if (hasBody && method === 'CONNECT') return 'body-with-connect';
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') return 'expect';
  return undefined;
}

function isAuthority(text: string): boolean {
  if (text.length > 300) return false;
  if (plainHost.test(text)) return true;
  const match = authority.exec(text);
  if (match === null) return false;
  return match[1] === undefined || (Number(match[1]) > 0 && Number(match[1]) < 65_536);
}

/** Equal but for case and a port that the scheme implies. */
function sameAuthority(a: string, b: string, defaultPort: string): boolean {
  const withPort = (text: string) => {
    const lower = text.toLowerCase();
    return /:\d+$/.test(lower) && !lower.endsWith(']') ? lower : `${lower}:${defaultPort}`;
  };
  return withPort(a) === withPort(b);
}

/**
 * Whether a request may become a WebSocket: for Node's `shouldUpgradeCallback`, so that every other `Upgrade` is an
 * ordinary request whose `Upgrade` is removed. RFC 6455 section 4.2.1, P21.
 */
export function isWebSocketUpgrade(head: RequestHead): boolean {
  if (head.method !== 'GET' || head.httpVersion !== '1.1') return false;
  const one = new Map<string, string>();
  let connection = '';
  for (let i = 0; i < head.rawHeaders.length; i += 2) {
    const name = head.rawHeaders[i]!.toLowerCase();
    if (name === 'connection') connection += `${head.rawHeaders[i + 1]!},`;
    else if (one.has(name) && (name.startsWith('sec-websocket-') || name === 'upgrade') && !manyAllowed.has(name))
      return false;
    else one.set(name, head.rawHeaders[i + 1]!);
  }
  return (
    one.get('upgrade')?.toLowerCase() === 'websocket' &&
    one.get('sec-websocket-version') === '13' &&
    isWebSocketKey(one.get('sec-websocket-key')) &&
    listMembers(connection).includes('upgrade')
  );
}

/** RFC 6455 section 11.3 lets a request repeat these two. */
const manyAllowed = new Set(['sec-websocket-protocol', 'sec-websocket-extensions']);

/** Base64 of sixteen bytes. */
function isWebSocketKey(key: string | undefined): boolean {
  return key !== undefined && /^[+/0-9A-Za-z]{22}==$/.test(key);
}
