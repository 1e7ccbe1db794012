/** Headers between the browser's idea of an app and the app's own (P29). Bodies are never touched. Pure. */
import type { RawHeaders } from '#shared/wire/http-headers.ts';
import { type CookiePair, isLocalCookie, readCookies } from './browser-cookie.ts';
import type { UrlMap } from './url-map.ts';

const requestUrls = new Set(['origin', 'referer', 'destination']);
const responseUrls = new Set(['location', 'content-location', 'access-control-allow-origin']);
/** A browser keeps a cookie of such a name from a secure address only; under another name it keeps it here too. */
const prefixes = [
  ['__Host-', 'postern-keep-host-'],
  ['__Secure-', 'postern-keep-secure-'],
] as const;

/** What the client sent, as the app may see it: our own cookies are taken out. */
export function mapRequestHeaders(raw: readonly string[], map: UrlMap): RawHeaders {
  const out: RawHeaders = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    const value = raw[i + 1]!;
    const lower = name.toLowerCase();
    if (lower === 'cookie') {
      const cookies = appCookies(value, map);
      if (cookies !== '') out.push(name, cookies);
    } else out.push(name, requestUrls.has(lower) ? map.toReal(value) : value);
  }
  return out;
}

export function mapResponseHeaders(raw: readonly string[], map: UrlMap): RawHeaders {
  const out: RawHeaders = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    const value = raw[i + 1]!;
    const lower = name.toLowerCase();
    if (lower === 'set-cookie') {
      const cookie = mapSetCookie(value, map);
      if (cookie !== undefined) out.push(name, cookie);
    } else if (lower === 'refresh') out.push(name, mapRefresh(value, map));
    else if (lower === 'referrer-policy') out.push(name, mapReferrerPolicy(value, map));
    else out.push(name, responseUrls.has(lower) ? map.toLocal(value) : value);
  }
  return out;
}

function appCookies(header: string, map: UrlMap): string {
  const all = readCookies(header);
  const kept = all
    .filter((cookie) => !isLocalCookie(cookie))
    .map((pair) => (map.keepsSecureCookies ? pair : renamed(pair)));
  if (map.keepsSecureCookies && kept.length === all.length) return header;
  return kept.map(({ name, value }) => (name === '' ? value : `${name}=${value}`)).join('; ');
}

function renamed({ name, value }: CookiePair): CookiePair {
  for (const [real, local] of prefixes) {
    if (name.startsWith(local)) return { name: real + name.slice(local.length), value };
  }
  return { name, value };
}

/**
 * `Domain` goes, so that no site sets a cookie for its neighbours. Where the browser knows the app by plain HTTP, `Secure` and
 * what depends on it go too. Undefined for a cookie that poses as ours.
 */
function mapSetCookie(value: string, map: UrlMap): string | undefined {
  const [pair = '', ...attributes] = value.split(';');
  const [cookie] = readCookies(pair);
  if (cookie !== undefined && isLocalCookie(cookie)) return undefined;
  const kept = attributes.filter((attribute) => {
    const [key = '', setting = ''] = attribute.split('=', 2).map((part) => part.trim().toLowerCase());
    if (key === 'domain') return false;
    if (map.keepsSecureCookies) return true;
    return key !== 'secure' && key !== 'partitioned' && !(key === 'samesite' && setting === 'none');
  });
  return [map.keepsSecureCookies ? pair : withoutPrefix(pair.trimStart()), ...kept].join(';');
}

function withoutPrefix(pair: string): string {
  for (const [real, local] of prefixes) {
    // Browsers compare the prefix without regard to case.
    if (pair.slice(0, real.length).toLowerCase() === real.toLowerCase()) return local + pair.slice(real.length);
  }
  return pair;
}

/** `5; url=https://...`, quoted or not. */
function mapRefresh(value: string, map: UrlMap): string {
  const match = /^(\s*[\d.]*\s*[;,]?\s*url\s*=\s*)(['"]?)(.*?)(['"]?)\s*$/is.exec(value);
  return match === null ? value : `${match[1]}${match[2]}${map.toLocal(match[3]!)}${match[4]}`;
}

/** Where `Referer` is what tells an app's own pages from others, it must reach the app itself; others still learn nothing. */
function mapReferrerPolicy(value: string, map: UrlMap): string {
  return map.keepsSecureCookies ? value : value.replaceAll(/\bno-referrer\b(?!-)/gi, 'same-origin');
}
