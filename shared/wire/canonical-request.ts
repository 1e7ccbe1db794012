/**
 * P9: the one function that makes the canonical request. Rules, operations, records and the upstream all get its result,
 * so that nothing is judged in one spelling and served in another. Pure.
 *
 * Path: RFC 3986 section 6.2.2, with unreserved characters decoded once, hex digits in upper case and everything that is
 * not a `pchar` encoded. What servers read in two ways is refused unless the app allows it.
 * Query: byte for byte as it came. Normalising it would break what signs the raw text (SAML's redirect binding does), so a
 * policy should permit by query and not forbid by it.
 */
import type { HttpApp } from '../contracts/app.ts';
import { hidesOperation } from './operations.ts';

export interface CanonicalRequest {
  /** Upper case; HEAD is judged as GET, though the app gets HEAD. */
  readonly method: string;
  /** Lower case, without a port: one of the app's hosts. */
  readonly host: string;
  readonly path: string;
  /** Without the question mark; empty when there is none. */
  readonly query: string;
}

/** The closed list of refusals, in the order of the checks. */
export const spellingReasons = [
  'method',
  'target',
  'host-mismatch',
  'host-unknown',
  'characters',
  'percent-encoding',
  'encoded-control',
  'utf-8',
  'encoded-slash',
  'backslash',
  'semicolon',
  'double-slash',
  'encoded-dot',
  'dot-segments',
  'operation',
] as const;
export type SpellingReason = (typeof spellingReasons)[number];

export interface RequestSpelling {
  readonly method: string;
  /** The Host header as it came; a port is ignored. */
  readonly host: string;
  /** The request target: origin form, or absolute form with the same authority as `host`. */
  readonly url: string;
  readonly app: Pick<HttpApp, 'hosts' | 'allowSpellings' | 'operations'>;
}

const maxTarget = 16_384;
/** Paths that are canonical as they stand; the only question left is about dots and double slashes. */
const plainPath = /^\/[A-Za-z0-9\-._~!$&'()*+,=:@/]*$/;
const unreserved = /[A-Za-z0-9\-._~]/;
const notPchar = /[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]/g;
const decoder = new TextDecoder('utf-8', { fatal: true });

/** The canonical request, or the first reason to refuse. */
export function canonicalRequest(spelling: RequestSpelling): CanonicalRequest | SpellingReason {
  const { app } = spelling;
  const method = spelling.method.toUpperCase();
  if (!/^[A-Z][A-Z-]{0,31}$/.test(method)) return 'method';
  const target = splitTarget(spelling.url);
  if (target === undefined) return 'target';
  const host = hostOf(spelling.host);
  if (target.host !== undefined && target.host !== host) return 'host-mismatch';
  if (!app.hosts.includes(host)) return 'host-unknown';
  if (target.query !== '' && !/^[\x21\x22\x24-\x7e]*$/.test(target.query)) return 'characters';
  const path = canonicalPath(target.path, app.allowSpellings ?? []);
  if (typeof path === 'string') return path;
  const judged = method === 'HEAD' ? 'GET' : method;
  if (app.allowSpellings !== undefined && hidesOperation(app, { method: judged, path: path.path })) return 'operation';
  return { method: judged, host, path: path.path, query: target.query };
}

/** The target that goes to the app. */
export function targetOf(request: Pick<CanonicalRequest, 'path' | 'query'>): string {
  return request.query === '' ? request.path : `${request.path}?${request.query}`;
}

function splitTarget(url: string): { host: string | undefined; path: string; query: string } | undefined {
  if (url.length > maxTarget) return undefined;
  let rest = url;
  let host: string | undefined;
  if (!url.startsWith('/')) {
    const absolute = /^https?:\/\/([^/?#@\\\s]+)([/?].*)?$/i.exec(url);
    if (absolute === null) return undefined;
    host = hostOf(absolute[1]!);
    const after = absolute[2] ?? '';
    rest = after.startsWith('/') ? after : `/${after}`;
  }
  const at = rest.indexOf('?');
  const path = at < 0 ? rest : rest.slice(0, at);
  const query = at < 0 ? '' : rest.slice(at + 1);
  return { host, path, query };
}

/** Lower case without its port. What is no host name matches no app. */
export function hostOf(authority: string): string {
  const lower = authority.toLowerCase();
  return lower.includes(':') ? lower.replace(/:\d{1,5}$/, '') : lower;
}

type Spellings = NonNullable<HttpApp['allowSpellings']>;

function canonicalPath(raw: string, allowed: Spellings): { path: string } | SpellingReason {
  let path = raw;
  if (!plainPath.test(raw)) {
    const written = rewrite(raw, allowed);
    if (typeof written === 'string') return written;
    path = written.path;
  }
  if (path.includes('//') && !allowed.includes('double-slash')) return 'double-slash';
  return path.includes('.') ? withoutDots(path, allowed) : { path };
}

function rewrite(raw: string, allowed: Spellings): { path: string } | SpellingReason {
  if (!/^[\x21\x22\x24-\x7e]*$/.test(raw)) return 'characters';
  if (/%(?![0-9A-Fa-f]{2})/.test(raw)) return 'percent-encoding';
  // NUL cuts names short, CR and LF split lines in logs and headers further in.
  if (/%([01][0-9A-F]|7F)/i.test(raw)) return 'encoded-control';
  try {
    decoder.decode(
      Buffer.from(
        raw.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
        'latin1',
      ),
    );
  } catch {
    // Overlong forms of slash and dot end here too.
    return 'utf-8';
  }
  if (/%2F/i.test(raw) && !allowed.includes('encoded-slash')) return 'encoded-slash';
  if (/\\|%5C/i.test(raw) && !allowed.includes('backslash')) return 'backslash';
  if (/;|%3B/i.test(raw) && !allowed.includes('semicolon')) return 'semicolon';
  if (/%2E/i.test(raw) && !allowed.includes('dot-segments')) return 'encoded-dot';
  const encoded = raw.replace(notPchar, (char) => percent(char));
  const path = encoded.replace(/%(..)/g, (_, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16));
    return unreserved.test(char) ? char : `%${hex.toUpperCase()}`;
  });
  return { path };
}

const percent = (char: string): string => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;

/**
 * Allowed dot segments are resolved (RFC 3986 section 5.2.4), never passed on: `/public/../admin` is judged and sent as
 * `/admin`. A dot segment that only shows once somebody decodes a separator or cuts a parameter off (`..%2F`, `..;x`) is
 * refused whatever the app allows.
 */
function withoutDots(path: string, allowed: Spellings): { path: string } | SpellingReason {
  const isDots = (segment: string) => segment === '.' || segment === '..';
  const segments = path.split('/');
  for (const segment of segments) {
    const parts = segment.split(/%2F|%5C/);
    for (const part of parts) {
      const name = part.split(/;|%3B/, 1)[0]!;
      if (isDots(name) && (name !== segment || !allowed.includes('dot-segments'))) return 'dot-segments';
    }
  }
  if (!segments.some(isDots)) return { path };
  const out: string[] = [];
  for (const [index, segment] of segments.entries()) {
    if (segment === '..' && out.length > 1) out.pop();
    if (!isDots(segment)) out.push(segment);
    else if (index === segments.length - 1) out.push('');
  }
  return { path: out.join('/') || '/' };
}
