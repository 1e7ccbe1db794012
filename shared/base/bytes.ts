/** Bytes, text encodings and random identifiers. */
import { createHash, randomBytes, randomFillSync, timingSafeEqual } from 'node:crypto';

/** RFC 4648 section 5 without padding. */
export function toBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}

/**
 * Decodes unpadded base64url and accepts only the canonical spelling, so that two texts never stand for the same bytes
 * (Node's decoder skips unknown characters, accepts `+/=` and ignores stray bits).
 * Returns undefined for anything else.
 */
export function fromBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}

export function sha256(...parts: readonly (string | Uint8Array)[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** Compares in time that depends on neither content nor length: both sides are hashed first. */
export function equalSecret(a: string | Uint8Array, b: string | Uint8Array): boolean {
  return timingSafeEqual(sha256(a), sha256(b));
}

// Crockford's alphabet in lower case: no i, l, o, u, so that ids survive being read aloud.
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/** A random identifier of `length` characters, 5 bits each; lower case, safe in SPIFFE paths, URLs and file names. */
export function randomId(length = 16): string {
  const bytes = randomBytes(length);
  let id = '';
  for (const byte of bytes) id += alphabet[byte & 31];
  return id;
}

/** A secret of `bytes` random bytes as base64url text. */
export function randomSecret(bytes = 32): string {
  return randomBytes(bytes).toString('base64url');
}

const traceBytes = 16;
const tracePool = Buffer.alloc(256 * traceBytes);
let traceAt = tracePool.length;

/**
 * W3C trace id: 32 hex digits. Made for every request, and a name, not a secret, so random bytes are drawn for many at once.
 * A text in one piece: `JSON.stringify` takes three times as long for a record with one that was put together.
 */
export function newTrace(): string {
  if (traceAt === tracePool.length) {
    randomFillSync(tracePool);
    traceAt = 0;
  }
  traceAt += traceBytes;
  return tracePool.toString('hex', traceAt - traceBytes, traceAt);
}
