/**
 * Signed notes (C2SP signed-note): a text, an empty line, and a line for each signature. Ed25519 (0x01) and timestamped
 * cosignatures of witnesses (0x04) are verified; lines of keys that are not known here are left alone, whatever stands in them.
 */
import { createPublicKey, verify as verifyBytes } from 'node:crypto';
import { PosternError } from '../base/errors.ts';
import type { NoteKey } from './note-key.ts';

export interface SignatureLine {
  readonly name: string;
  /** The first four bytes of the signature: names the key, proves nothing. */
  readonly keyId: number;
  readonly signature: Buffer;
}

export interface Note {
  /** With its last line feed, as it was signed. */
  readonly text: string;
  readonly signatures: readonly SignatureLine[];
}

/** A signature that was verified. `time`: seconds, of a cosignature. */
export interface SignedBy {
  readonly key: NoteKey;
  readonly time?: number;
}

export const maxNoteBytes = 256 * 1024;
const maxSignatures = 64;
/** Unicode spaces and plus: what a key's name may not hold. */
const notInName = /[\s\u0085+]/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const control = /[\u0000-\u0009\u000b-\u001f]/;
const dash = '\u2014';

export const isKeyName = (name: string): boolean =>
  name !== '' && !notInName.test(name) && !control.test(name) && name.isWellFormed();

/** Throws `proof-refused` for what is no note. Nothing is verified yet: the text is not to be believed. */
export function parseNote(input: string | Uint8Array): Note {
  const note = asText(input, maxNoteBytes, 'note');
  if (control.test(note)) throw refuse('the note has control characters');
  const gap = note.lastIndexOf('\n\n');
  if (gap < 0 || !note.endsWith('\n')) throw refuse('the note has no signatures');
  const lines = note.slice(gap + 2, -1).split('\n');
  if (lines.length > maxSignatures) throw refuse('the note has too many signatures');
  return { text: note.slice(0, gap + 1), signatures: lines.map(parseLine) };
}

/**
 * The signatures by these keys. Throws `proof-refused` when one of them does not hold, or when there is none at all: then the
 * text is nobody's.
 */
export function verifyNote(note: Note, keys: readonly NoteKey[]): SignedBy[] {
  const good: SignedBy[] = [];
  for (const line of note.signatures) {
    for (const key of keys) {
      if (key.name !== line.name || key.id !== line.keyId) continue;
      const signed = verifyLine(note.text, line, key);
      if (signed === undefined) throw refuse(`the signature of ${key.name} does not hold`);
      good.push(signed);
    }
  }
  if (good.length === 0) throw refuse('no signature is by a key that is known here');
  return good;
}

export function formatLine(name: string, keyId: number, signature: Uint8Array): string {
  const bytes = Buffer.alloc(4 + signature.length);
  bytes.writeUInt32BE(keyId);
  bytes.set(signature, 4);
  return `${dash} ${name} ${bytes.toString('base64')}\n`;
}

/** What a witness signs for an Ed25519 cosignature (C2SP tlog-cosignature). `time`: seconds. */
export const cosignedText = (time: bigint | number, text: string): string => `cosignature/v1\ntime ${time}\n${text}`;

/** UTF-8 of at most `most` bytes as text. Throws `proof-refused` for anything else. */
export function asText(input: string | Uint8Array, most: number, what: string): string {
  if (typeof input === 'string' ? Buffer.byteLength(input) > most : input.length > most) {
    throw refuse(`the ${what} is larger than ${most} bytes`);
  }
  if (typeof input === 'string') {
    if (!input.isWellFormed()) throw refuse(`the ${what} is not UTF-8`);
    return input;
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(input);
  } catch (cause) {
    throw refuse(`the ${what} is not UTF-8`, cause);
  }
}

export function refuse(why: string, cause?: unknown): PosternError {
  return new PosternError('proof-refused', undefined, { tell: `${why}.`.replace(/^./, (c) => c.toUpperCase()), cause });
}

function parseLine(line: string): SignatureLine {
  const [mark, name, text, ...more] = line.split(' ');
  const bytes = decodeBase64(text ?? '');
  if (mark !== dash || !isKeyName(name ?? '') || bytes === undefined || bytes.length < 5 || more.length > 0) {
    throw refuse('a signature line of the note cannot be read');
  }
  return { name: name!, keyId: bytes.readUInt32BE(), signature: bytes.subarray(4) };
}

/** Only the canonical spelling with padding (RFC 4648 section 4), so that no text has two. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

function verifyLine(text: string, { signature }: SignatureLine, key: NoteKey): SignedBy | undefined {
  const publicKey = createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(key.publicKey).toString('base64url') },
    format: 'jwk',
  });
  if (key.kind === 'ed25519') {
    const holds = signature.length === 64 && verifyBytes(null, Buffer.from(text), publicKey, signature);
    return holds ? { key } : undefined;
  }
  if (signature.length !== 72) return undefined;
  const time = signature.readBigUInt64BE();
  // Past what a date can be, it says nothing (the specification ends at 2^63 - 1).
  if (time > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  const message = Buffer.from(cosignedText(time, text));
  return verifyBytes(null, message, publicKey, signature.subarray(8)) ? { key, time: Number(time) } : undefined;
}
