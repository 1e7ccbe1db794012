/**
 * Compact JWS (RFC 7515) in the one form that Postern writes: ES256, a header of exactly `alg`, `typ` and `kid`, a JSON
 * object as payload. Signing and verifying by node:crypto, which is nearly twice as fast as a JOSE library here; tests hold
 * the format against one.
 *
 * The class of a token is its `typ` (RFC 8725 section 3.11): a reader names the one class it takes, and another class is
 * an error of its own.
 */
import { type KeyObject, sign, verify } from 'node:crypto';
import { fromBase64url, toBase64url } from '../base/bytes.ts';
import { type ErrorCode, PosternError } from '../base/errors.ts';

export interface JwsHeader {
  readonly alg: 'ES256';
  readonly typ: string;
  readonly kid: string;
}

export interface ParsedJws {
  readonly header: JwsHeader;
  /** A JSON object of unknown shape: check it against a schema before use. */
  readonly payload: Readonly<Record<string, unknown>>;
  /** First two parts with their dot, as signed. */
  readonly signingInput: string;
  /** r and s, 32 bytes each (RFC 7518 section 3.4). */
  readonly signature: Buffer;
}

export interface ReadJwsOptions {
  readonly maxBytes: number;
  /** The one class accepted here. */
  readonly typ: string;
  /** Codes of the errors thrown; `token-malformed` and `token-type` unless told. */
  readonly codes?: { readonly malformed: ErrorCode; readonly type: ErrorCode };
}

const kidPattern = /^[A-Za-z0-9._-]{1,64}$/;
const maxHeaderChars = 256;

export interface SignJwsOrder {
  readonly typ: string;
  /** 1 to 64 characters of `A-Z a-z 0-9 . _ -`. */
  readonly kid: string;
  readonly payload: object;
  readonly privateKey: KeyObject;
}

export function signJws({ typ, kid, payload, privateKey }: SignJwsOrder): string {
  if (!kidPattern.test(kid)) throw new TypeError('not a key id');
  const header: JwsHeader = { alg: 'ES256', typ, kid };
  const signingInput = `${encodeJson(header)}.${encodeJson(payload)}`;
  const signature = sign('sha256', Buffer.from(signingInput, 'latin1'), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${signingInput}.${toBase64url(signature)}`;
}

/**
 * Reads without verifying. Order: size, three parts, header, class, payload, signature's length.
 * The codes thrown are those of `options.codes`.
 */
export function readJws(text: string, options: ReadJwsOptions): ParsedJws {
  const { malformed, type } = options.codes ?? { malformed: 'token-malformed', type: 'token-type' };
  const bad = (why: string) => new PosternError(malformed, `a token ${why}`);
  if (text.length > options.maxBytes) throw bad('is too large');
  const parts = text.split('.', 4);
  if (parts.length !== 3) throw bad('does not have three parts');
  const [headerPart, payloadPart, signaturePart] = parts as [string, string, string];
  const header = headerPart.length > maxHeaderChars ? undefined : decodeJson(headerPart);
  if (header === undefined) throw bad('has an unreadable header');
  if (header['alg'] !== 'ES256') throw bad('is not signed with ES256');
  if (typeof header['typ'] !== 'string') throw bad('has no class');
  if (header['typ'] !== options.typ) throw new PosternError(type, `a token is not a ${options.typ}`);
  if (typeof header['kid'] !== 'string' || !kidPattern.test(header['kid'])) throw bad('has no usable key id');
  // Three members and no other: no crit to misread, no jwk, jku or x5u to be tempted by.
  if (Object.keys(header).length !== 3) throw bad('has a header with other members');
  const payload = decodeJson(payloadPart);
  if (payload === undefined) throw bad('has an unreadable payload');
  const signature = fromBase64url(signaturePart);
  if (signature?.length !== 64) throw bad('has a signature of another length');
  return {
    header: header as unknown as JwsHeader,
    payload,
    signingInput: text.slice(0, headerPart.length + 1 + payloadPart.length),
    signature,
  };
}

/** The caller has found `publicKey` by `header.kid` among the keys of the one issuer that it trusts for this class. */
export function verifyJws(parsed: Pick<ParsedJws, 'signingInput' | 'signature'>, publicKey: KeyObject): boolean {
  const input = Buffer.from(parsed.signingInput, 'latin1');
  return verify('sha256', input, { key: publicKey, dsaEncoding: 'ieee-p1363' }, parsed.signature);
}

const encodeJson = (value: object): string => toBase64url(Buffer.from(JSON.stringify(value)));

/**
 * A JSON object in the one spelling that `JSON.stringify` gives. Reading it back and comparing refuses, at once, members
 * that stand twice, invalid UTF-8, white space and numbers that a double cannot hold.
 */
function decodeJson(part: string): Record<string, unknown> | undefined {
  const bytes = fromBase64url(part);
  if (bytes === undefined || bytes.length === 0) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Buffer.from(JSON.stringify(value)).equals(bytes) ? (value as Record<string, unknown>) : undefined;
}
