/** Between undici's forms of headers and Node's. */
import { isIP } from 'node:net';
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { PosternError } from '#shared/base/errors.ts';
import type { ForwardOptions } from './forward-types.ts';
import { HeaderNames } from './header-names.ts';
import { headerValues, type RawHeaders, toClientHeaders } from './http-headers.ts';

/** The request as undici is asked for it. `length`: announced for a `body` that is streamed. */
export function dispatchOf(
  { origin, method, path, headers, bufferedBody, servername }: ForwardOptions,
  sent: {
    readonly length: string | undefined;
    readonly body: Readable | undefined;
    readonly upgrade?: string | undefined;
  },
): Dispatcher.DispatchOptions {
  return {
    origin,
    method: method as Dispatcher.HttpMethod,
    path,
    headers: framedHeaders(headers, sent.length),
    body: bufferedBody ?? sent.body ?? null,
    upgrade: sent.upgrade ?? null,
    servername: servername ?? originServerName(origin),
    // The exchange's own timer knows more: which side is silent, and whether it may be.
    headersTimeout: 0,
    bodyTimeout: 0,
  } as Dispatcher.DispatchOptions;
}

/** What frames the message or belongs to the connection: undici sets these from what is really sent. */
const framing = new HeaderNames([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
]);

/**
 * `length`: what the client announced for a body that is streamed; without it the body is chunked, and the length of a
 * buffered body is known to undici.
 */
export function framedHeaders(headers: readonly string[], length: string | undefined): string[] {
  const out: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!;
    if (framing.has(name)) continue;
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

/** As undici gives them. */
export type RawParts = readonly (Buffer | string)[] | null;

/** What `toString('latin1')` calls in the end; the way there takes as long as a short text does. */
type Latin1 = Buffer & { latin1Slice(): string };

export function rawList(raw: RawParts): string[] {
  const out: string[] = [];
  for (const part of raw ?? []) out.push(typeof part === 'string' ? part : (part as Latin1).latin1Slice());
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
