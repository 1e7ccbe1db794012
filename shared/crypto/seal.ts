/**
 * Sealed values at rest (P33): AES-256-GCM with the place of the value as associated data, so that a sealed value copied
 * to another row, column or table (somebody else's TOTP seed over one's own) does not open there.
 *
 * Text form: `s1.<key id>.<nonce>.<ciphertext and tag>`, the last three as base64url. Nonces are 96 random bits; NIST
 * SP 800-38D section 8.3 allows 2^32 values under one key, which no installation comes near.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { fromBase64url, sha256, toBase64url } from '../base/bytes.ts';
import { PosternError } from '../base/errors.ts';

/** Where a value stands. `row` is the primary key as text. */
export interface SealPlace {
  readonly table: string;
  readonly row: string;
  readonly column: string;
}

const version = 's1';
const algorithm = 'aes-256-gcm';
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/** 32 random bytes as base64url text, as it stands in the key file or the environment. */
export function newMasterKey(): string {
  return toBase64url(randomBytes(keyBytes));
}

/** Throws `invalid-config` for anything but 32 bytes as canonical base64url; the message never quotes the text. */
export function parseMasterKey(text: string): Buffer {
  const key = fromBase64url(text.trim());
  if (key?.length !== keyBytes) throw new PosternError('invalid-config', 'a master key is not 32 bytes as base64url');
  return key;
}

/** First 64 bits of a hash of its own domain: names the key without helping to guess it. */
export function masterKeyId(key: Uint8Array): string {
  return toBase64url(sha256('postern master key id\0', key).subarray(0, 8));
}

export class Sealer {
  readonly currentKeyId: string;
  readonly #keys: ReadonlyMap<string, Uint8Array>;

  /** `current` seals; any of `current` and `former` opens, so that the key can be rotated while values are re-sealed. */
  constructor(keys: { readonly current: Uint8Array; readonly former?: readonly Uint8Array[] }) {
    const all = [keys.current, ...(keys.former ?? [])];
    if (all.some((key) => key.length !== keyBytes)) throw new TypeError('a master key has 32 bytes');
    this.currentKeyId = masterKeyId(keys.current);
    this.#keys = new Map(all.map((key) => [masterKeyId(key), Uint8Array.from(key)]));
  }

  sealBytes(value: Uint8Array, place: SealPlace): string {
    const nonce = randomBytes(nonceBytes);
    const key = this.#keys.get(this.currentKeyId)!;
    const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
    cipher.setAAD(associatedData(place, this.currentKeyId));
    const sealed = Buffer.concat([cipher.update(value), cipher.final(), cipher.getAuthTag()]);
    return [version, this.currentKeyId, toBase64url(nonce), toBase64url(sealed)].join('.');
  }

  /** Throws `internal` when the text is malformed, its key is not here, or it was sealed for another place. */
  openBytes(sealed: string, place: SealPlace): Buffer {
    const parts = sealed.split('.', 5);
    const [form, keyId, nonceText, bodyText] = parts;
    const nonce = fromBase64url(nonceText ?? '');
    const body = fromBase64url(bodyText ?? '');
    if (parts.length !== 4 || form !== version || nonce?.length !== nonceBytes || (body?.length ?? 0) < tagBytes) {
      throw failed('is malformed', place);
    }
    const key = this.#keys.get(keyId!);
    if (key === undefined) throw failed('was sealed with a master key that is not here', place);
    const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
    decipher.setAAD(associatedData(place, keyId!));
    decipher.setAuthTag(body!.subarray(-tagBytes));
    try {
      return Buffer.concat([decipher.update(body!.subarray(0, -tagBytes)), decipher.final()]);
    } catch (cause) {
      throw failed('was changed or belongs to another place', place, cause);
    }
  }

  sealText(value: string, place: SealPlace): string {
    return this.sealBytes(Buffer.from(value, 'utf8'), place);
  }

  openText(sealed: string, place: SealPlace): string {
    return this.openBytes(sealed, place).toString('utf8');
  }

  /** True for a value that is not yet under the current key: rotation opens it and seals it again. */
  needsReseal(sealed: string): boolean {
    return !sealed.startsWith(`${version}.${this.currentKeyId}.`);
  }
}

/** JSON, as joining with a separator would let one place be written as another. */
function associatedData({ table, row, column }: SealPlace, keyId: string): Buffer {
  return Buffer.from(JSON.stringify([version, keyId, table, row, column]));
}

function failed(why: string, { table, column }: SealPlace, cause?: unknown): PosternError {
  return new PosternError('internal', `a sealed value of ${table}.${column} ${why}`, { cause });
}
