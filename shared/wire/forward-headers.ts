/** Between undici's forms of headers and Node's. */
import { isIP } from 'node:net';
import type { Dispatcher } from 'undici';
import { PosternError } from '#shared/base/errors.ts';
import { headerValues, type RawHeaders, toClientHeaders } from './http-headers.ts';

/** What frames the message or belongs to the connection: undici sets these from what is really sent. */
const framing = new Set(['connection', 'content-length', 'expect', 'keep-alive', 'transfer-encoding', 'upgrade']);

/** Most names are told apart by their length, which makes no new string of each. */
const framingLengths = new Set([...framing].map((name) => name.length));

/**
 * `length`: what the client announced for a body that is streamed; without it the body is chunked, and the length of a
 * buffered body is known to undici.
 */
export function framedHeaders(headers: readonly string[], length: string | undefined): string[] {
  const out: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!;
    if (framingLengths.has(name.length) && framing.has(name.toLowerCase())) continue;
    out.push(name, headers[i + 1]!);
  }
  if (length !== undefined) out.push('content-length', length);
  return out;
}

/**
 * The head of an answer for the client. Throws `app-broken` for a transfer coding besides `chunked`: undici removes the
 * chunks but no other coding, so that the body would be passed on under a false description.
 */
export function answerHeaders(raw: readonly string[], clientVersion: string, bodyless: boolean): RawHeaders {
  const codings = headerValues(raw, 'transfer-encoding');
  if (codings.length > 1 || (codings[0] !== undefined && codings[0].toLowerCase() !== 'chunked')) {
    throw new PosternError('app-broken', `transfer-encoding: ${codings.join(', ')}`);
  }
  // Node refuses a `Trailer` without chunks, and sends chunks exactly when the length is unknown.
  const chunked = headerValues(raw, 'content-length').length === 0 && clientVersion !== '1.0';
  return toClientHeaders(raw, chunked && !bodyless);
}

/** The `Link` headers of a 103 (RFC 8297): nothing else there has a meaning before the final answer. */
export function hintLinks(raw: readonly string[]): RawHeaders {
  return headerValues(raw, 'link').flatMap((link) => ['link', link]);
}

/** Undici gives raw buffers, or an object when an interceptor stands between. */
export function rawList(raw: Dispatcher.DispatchController['rawHeaders']): string[] {
  const out: string[] = [];
  if (Array.isArray(raw)) {
    for (const part of raw) out.push(typeof part === 'string' ? part : part.toString('latin1'));
    return out;
  }
  for (const [name, value] of Object.entries(raw ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) out.push(name, one);
  }
  return out;
}

export function headerPairs(raw: readonly string[]): [string, string][] {
  const out: [string, string][] = [];
  for (let i = 0; i < raw.length; i += 2) out.push([raw[i]!, raw[i + 1]!]);
  return out;
}

/**
 * The TLS name of an https origin, undefined when it has none. Left to itself undici takes it from the Host header, which
 * names the app and changes from request to request, and reconnects at each change.
 */
export function originServerName(origin: string | URL): string | undefined {
  if (typeof origin === 'string' && !origin.startsWith('https:')) return undefined;
  const { protocol, hostname } = typeof origin === 'string' ? new URL(origin) : origin;
  return protocol === 'https:' && !hostname.startsWith('[') && isIP(hostname) === 0 ? hostname : undefined;
}
