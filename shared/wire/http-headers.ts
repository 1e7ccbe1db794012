/**
 * What a proxy may pass on, as pure functions on raw header lists (name, value, name, value, ...), so that order,
 * spelling and repetition survive. RFC 9110 sections 6.5, 7.6; RFC 7239; P9.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { plainAddress } from '../base/plain-address.ts';
import { HeaderNames } from './header-names.ts';

/** Name, value, name, value, ...: the form of `rawHeaders` and of `writeHead`. */
export type RawHeaders = string[];

/** RFC 9110 section 7.6.1 and the older names that were never end to end. `Proxy-*` is matched by prefix. */
const hopByHop = ['connection', 'keep-alive', 'te', 'transfer-encoding', 'upgrade', 'http2-settings'];

/** Frameworks, servers and gateways in front of them let these replace the method, host or path that was judged (P9). */
const overrides = [
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
  'x-original-method',
  'x-original-url',
  'x-original-uri',
  'x-original-host',
  'x-rewrite-url',
  'x-rewrite-uri',
  'x-override-url',
  'x-host',
  'x-http-host-override',
  'x-envoy-original-path',
  'x-envoy-original-host',
];

/** What apps read as "who is the client": only this proxy may say it. `X-Forwarded-*` is matched by prefix. */
const clientClaims = [
  'forwarded',
  'forwarded-for',
  'x-forwarded',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-originating-ip',
  'x-remote-ip',
  'x-remote-addr',
  'x-envoy-external-address',
  'x-azure-clientip',
  'true-client-ip',
  'cf-connecting-ip',
  'fastly-client-ip',
  'client-ip',
];

/** RFC 9110 section 6.5.1: framing, routing, authentication and controls have no meaning in a trailer, only danger. */
const neverTrailers = new Set([
  'age',
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'expect',
  'expires',
  'host',
  'location',
  'max-forwards',
  'pragma',
  'range',
  'retry-after',
  'set-cookie',
  'trailer',
  'vary',
  'via',
  'warning',
  'www-authenticate',
]);

/** In one look-up; `te` and `via` come back in another form. CGI makes HTTP_PROXY of `Proxy`, through which the app would then speak. */
const neverToApp = new HeaderNames([
  ...hopByHop,
  ...overrides,
  ...clientClaims,
  'host',
  'via',
  'expect',
  'trailer',
  'proxy',
]);
/** Of an answer; a `Trailer` only where trailers can follow. */
const neverToClient = new HeaderNames([...hopByHop, 'trailer']);

/** What this proxy says about the client, in place of anything the client said about itself. */
export interface ForwardedFacts {
  /** The address that the proxy itself saw. */
  readonly clientAddress: string;
  readonly proto: 'http' | 'https';
  /** The authority the client asked for. */
  readonly host: string;
}

export interface AppHeaderOptions {
  /** The one Host the next hop sees. */
  readonly host: string;
  /** Pseudonym for `Via` (RFC 9110 section 7.6.3); none when absent. */
  readonly via?: string;
  /** Names an app trusts for identity, from `normalNames`; `Postern-*` always counts as such. */
  readonly identityNames?: ReadonlySet<string>;
  /** Appended last, after every removal. */
  readonly add?: readonly string[];
}

/** The set of names for `identityNames`: lower case, everything but letters and digits read as `-`. */
export function normalNames(names: Iterable<string>): ReadonlySet<string> {
  return new Set(Array.from(names, normalName));
}

/**
 * The headers of a request for the next hop: end to end only, without names that contain `_` (CGI and WSGI read them as
 * `-`, so they could pose as a header that was judged), without identity claims, overrides and claims about the client.
 * `Expect` is dropped since the proxy answered it itself, `Trailer` since undici sends no request trailers.
 * `TE` survives only as `trailers`.
 */
export function toAppHeaders(raw: readonly string[], options: AppHeaderOptions): RawHeaders {
  const named = namedByConnection(raw);
  const out: RawHeaders = ['host', options.host];
  let via = '';
  let trailers = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    const value = raw[i + 1]!;
    if (neverToApp.has(name)) {
      if (isNamed(name, 'te')) trailers ||= listMembers(value).includes('trailers');
      else if (isNamed(name, 'via')) via = via === '' ? value : `${via}, ${value}`;
      continue;
    }
    if (isReserved(name) || isClientClaim(name)) continue;
    if (named?.has(name.toLowerCase()) || hasSome(options.identityNames, name)) continue;
    if (odd.test(name) && (name.includes('_') || posesAsOther(normalName(name), options.identityNames))) continue;
    out.push(name, value);
  }
  if (trailers) out.push('te', 'trailers');
  if (options.via !== undefined) out.push('via', `${via === '' ? '' : `${via}, `}1.1 ${options.via}`);
  else if (via !== '') out.push('via', via);
  if (options.add !== undefined) out.push(...options.add);
  return out;
}

/**
 * The headers of a response for the previous hop: end to end only, and no `Postern-*`, which would let an app speak
 * with the gateway's voice. A caller that needs the peer's `Postern-*` reads the raw list before.
 * `keepTrailer`: whether trailers can follow, so that `Trailer` may announce them.
 */
export function toClientHeaders(raw: readonly string[], keepTrailer: boolean): RawHeaders {
  const named = namedByConnection(raw);
  const out: RawHeaders = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    if (isReserved(name) || named?.has(name.toLowerCase())) continue;
    if (neverToClient.has(name) && !(keepTrailer && isNamed(name, 'trailer'))) continue;
    out.push(name, raw[i + 1]!);
  }
  return out;
}

/** The trailers that may be passed on, either way: nothing that frames, routes, authenticates or names an identity. */
export function cleanTrailers(raw: readonly string[], identityNames?: ReadonlySet<string>): RawHeaders {
  const out: RawHeaders = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = normalName(raw[i]!);
    if (raw[i]!.includes('_') || posesAsOther(name, identityNames) || neverTrailers.has(name)) continue;
    out.push(raw[i]!, raw[i + 1]!);
  }
  return out;
}

/** Every value of `name` (lower case), in order. */
export function headerValues(raw: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < raw.length; i += 2) if (isNamed(raw[i]!, name)) values.push(raw[i + 1]!);
  return values;
}

/** The members of a comma-separated list, trimmed, lower case, without empty ones. */
export function listMembers(value: string): string[] {
  const members: string[] = [];
  for (const part of value.toLowerCase().split(',')) {
    const member = part.trim();
    if (member !== '') members.push(member);
  }
  return members;
}

/** For `AppHeaderOptions.add`: by the older names and by that of RFC 7239. */
export function forwardedHeaders({ clientAddress, proto, host }: ForwardedFacts): RawHeaders {
  const address = plainAddress(clientAddress);
  const forwarded = `for=${nodeOf(address)};host=${quote(host)};proto=${proto}`;
  return [
    ...['x-forwarded-for', address],
    ...['x-forwarded-proto', proto],
    ...['x-forwarded-host', host],
    ...['forwarded', forwarded],
  ];
}

/** RFC 7239 section 6: IPv6 in brackets and quotes. An IPv4-mapped address is written as the IPv4 address it is. */
function nodeOf(address: string): string {
  if (isIPv4(address)) return address;
  return isIPv6(address) ? `"[${address}]"` : 'unknown';
}

function quote(text: string): string {
  if (/^[!#$%&'*+.^_`|~\w-]+$/.test(text)) return text;
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** Some servers make one variable of `X-User`, `X_User` and (PHP behind Caddy) `X.User`. */
function normalName(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '-');
}

const odd = /[^A-Za-z0-9-]/;

function posesAsOther(normal: string, identityNames: ReadonlySet<string> | undefined): boolean {
  if (isReserved(normal) || isClientClaim(normal) || neverToApp.has(normal)) return true;
  return normal === 'content-length' || identityNames?.has(normal) === true;
}

function hasSome(names: ReadonlySet<string> | undefined, spelled: string): boolean {
  return names !== undefined && names.size > 0 && names.has(spelled.toLowerCase());
}

function isNamed(spelled: string, name: string): boolean {
  return spelled.length === name.length && spelled.toLowerCase() === name;
}

/** Ours (`Postern-*`, with `_` read as `-`) and of the connection (`Proxy-*`). */
function isReserved(name: string): boolean {
  return (name.charCodeAt(0) | 0x20) === letterP && /^(?:postern[-_]|proxy-)/i.test(name);
}

function isClientClaim(name: string): boolean {
  return (name.charCodeAt(0) | 0x20) === letterX && /^x-forwarded-/i.test(name);
}

const letterP = 112;
const letterX = 120;

/** What `Connection` names goes too. `content-length` never does: removing it would change where the message ends. */
function namedByConnection(raw: readonly string[]): ReadonlySet<string> | undefined {
  let named: Set<string> | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    if (!isNamed(raw[i]!, 'connection') || raw[i + 1] === 'keep-alive' || raw[i + 1] === 'close') continue;
    for (const member of listMembers(raw[i + 1]!)) {
      if (member === 'close' || member === 'keep-alive' || member === 'content-length') continue;
      named ??= new Set();
      named.add(member);
    }
  }
  return named;
}
