/**
 * Personal values of a record apart from what is hashed into the log: each is a disclosure, and only its digest stands in the leaf, so
 * that erasing it leaves every proof as it is (P34). The form is that of SD-JWT (RFC 9901 section 4.2): the base64url of the JSON
 * `[salt, name, value]`, and as its digest the base64url of the SHA-256 over that text. 128 bits of salt: an erased name is not found by trying all names.
 */
import { hash, randomFillSync } from 'node:crypto';

/** Salt (22 characters of base64url), name of the field, value. */
export type Disclosure = readonly [salt: string, name: string, value: unknown];

/** As it stands beside the leaf: the JSON of a list of disclosures. */
export interface Committed {
  /** JSON of one disclosure. */
  readonly text: string;
  readonly digest: string;
}

const saltBytes = 16;
const pool = Buffer.alloc(256 * saltBytes);
let at = pool.length;

/** Random bytes are drawn for many at once: a record has five salts. What was given out is wiped with the next draw. */
function newSalt(): string {
  if (at === pool.length) {
    randomFillSync(pool);
    at = 0;
  }
  at += saltBytes;
  return pool.toString('base64url', at - saltBytes, at);
}

export function commit(name: string, value: unknown): Committed {
  const text = JSON.stringify([newSalt(), name, value]);
  return { text, digest: digestOf(text) };
}

/** Room for a usual disclosure, of which every record has some: a buffer for each would cost more than its digest. */
const scratch = Buffer.alloc(3 * 1024);

/** The disclosure as others take it: base64url without padding (RFC 9901 section 4.2.1). */
export function encodeDisclosure(text: string): string {
  // A character of a text has three bytes at most.
  if (text.length * 3 > scratch.length) return Buffer.from(text).toString('base64url');
  return scratch.toString('base64url', 0, scratch.write(text));
}

/** Of the JSON of one disclosure (RFC 9901 section 4.2.3). */
export const digestOf = (text: string): string => hash('sha256', encodeDisclosure(text), 'base64url');

/** The same of JSON that stands somewhere in these bytes. */
export const digestWithin = (bytes: Buffer, from: number, to: number): string =>
  hash('sha256', bytes.toString('base64url', from, to), 'base64url');

/**
 * The JSON text of each disclosure of a list. Writing again what was read gives the text that was hashed, since what `JSON.stringify`
 * wrote it writes again the same.
 */
export const disclosureTexts = (list: string): string[] =>
  (JSON.parse(list) as Disclosure[]).map((one) => JSON.stringify(one));
