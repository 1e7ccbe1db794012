/** P-256 keys: making, reading, naming. Every asymmetric key of Postern but the log's is on this one curve. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  KeyObject,
  type X509Certificate,
} from 'node:crypto';
import { fromBase64url } from '../base/bytes.ts';
import { PosternError } from '../base/errors.ts';

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** RFC 7517 public key; every coordinate is 32 bytes as base64url. */
export interface PublicJwk {
  readonly kty: 'EC';
  readonly crv: 'P-256';
  readonly x: string;
  readonly y: string;
}

export function generateKeyPair(): KeyPair {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

/** True for a P-256 key of either kind; Node calls the curve by its X9.62 name. */
function isP256(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
}

/** PKCS#8 PEM, unencrypted: the caller keeps it sealed or in a 0600 file. */
export function privateKeyToPem(privateKey: KeyObject): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

/** Throws `invalid-config` for anything but a P-256 private key; the message never quotes the text. */
export function privateKeyFromPem(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, format: 'pem' });
  } catch (cause) {
    throw new PosternError('invalid-config', 'a private key cannot be read', { cause });
  }
  if (!isP256(key)) throw new PosternError('invalid-config', 'a private key is not on P-256');
  return key;
}

export function publicKeyToJwk(key: KeyObject): PublicJwk {
  if (!isP256(key)) throw new TypeError('not a P-256 key');
  const { x, y } = key.export({ format: 'jwk' });
  return { kty: 'EC', crv: 'P-256', x: x!, y: y! };
}

/**
 * Reads an untrusted public JWK. Only EC P-256 and only the public members: a private part in a JWK means that somebody's
 * key has leaked (RFC 9449 section 4.3 refuses it as well). Throws `bad-request`.
 */
export function publicKeyFromJwk(jwk: unknown): KeyObject {
  if (typeof jwk !== 'object' || jwk === null) throw refused('is not an object');
  const { kty, crv, x, y } = jwk as Record<string, unknown>;
  if (kty !== 'EC' || crv !== 'P-256') throw refused('is not EC P-256');
  const known = ['kty', 'crv', 'x', 'y', 'kid', 'alg', 'use'];
  if (Object.keys(jwk).some((name) => !known.includes(name))) throw refused('has other members than a public key');
  if (!isCoordinate(x) || !isCoordinate(y)) throw refused('has a malformed coordinate');
  try {
    // OpenSSL refuses a point that is not on the curve.
    return createPublicKey({ key: { kty, crv, x, y }, format: 'jwk' });
  } catch (cause) {
    throw refused('is not a point of the curve', cause);
  }
}

function isCoordinate(value: unknown): value is string {
  return typeof value === 'string' && value.length === 43 && fromBase64url(value) !== undefined;
}

function refused(why: string, cause?: unknown): PosternError {
  return new PosternError('bad-request', `a JWK ${why}`, { cause });
}

/** RFC 5480: id-ecPublicKey, prime256v1, BIT STRING of 65 bytes that starts with 04. */
const spkiPrefix = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex');

/**
 * SubjectPublicKeyInfo of a P-256 key in the one spelling we accept (named curve, uncompressed point); undefined
 * otherwise. OpenSSL would read compressed points and explicit curve parameters too: two spellings of one key would have
 * two fingerprints.
 */
export function publicKeyFromSpki(spki: Buffer): KeyObject | undefined {
  if (spki.length !== spkiPrefix.length + 64 || !spki.subarray(0, spkiPrefix.length).equals(spkiPrefix))
    return undefined;
  try {
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    return isP256(key) ? key : undefined;
  } catch {
    // Not a point of the curve: unreadable, like any other malformed key.
    return undefined;
  }
}

// RFC 7638 section 3.2: the required members only, in lexicographic order, without white space.
const thumbprintMembers: Readonly<Record<string, readonly string[]>> = {
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
};

/** RFC 7638 thumbprint with SHA-256, base64url: what `cnf.jkt` holds. */
export function jwkThumbprint(jwk: Readonly<Record<string, unknown>> | PublicJwk): string {
  const members = jwk as Readonly<Record<string, unknown>>;
  const names = Object.hasOwn(thumbprintMembers, String(members['kty']))
    ? thumbprintMembers[String(members['kty'])]!
    : [];
  const canonical: Record<string, string> = {};
  for (const name of names) {
    const value = members[name];
    if (typeof value !== 'string') throw refused(`lacks the member ${name}`);
    canonical[name] = value;
  }
  if (names.length === 0) throw refused('has an unknown key type');
  return createHash('sha256').update(JSON.stringify(canonical)).digest('base64url');
}

/** `jwkThumbprint` of a P-256 key object, public or private. */
export function keyThumbprint(key: KeyObject): string {
  return jwkThumbprint(publicKeyToJwk(key));
}

/** SHA-256 of the SubjectPublicKeyInfo as 64 hex digits: stays the same when a certificate is renewed with its key. */
export function spkiFingerprint(source: KeyObject | X509Certificate): string {
  const key = source instanceof KeyObject ? source : source.publicKey;
  const spki = (key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest('hex');
}

/**
 * The form two people read to each other when a device is approved by comparison: the first 80 bits in groups of four,
 * `1a2b-3c4d-5e6f-7081-92a3`. Making a second key with the same 80 bits is out of reach, and nobody compares 64 digits.
 */
export function formatFingerprint(hex: string): string {
  return (
    hex
      .toLowerCase()
      .slice(0, 20)
      .match(/.{1,4}/g)
      ?.join('-') ?? ''
  );
}
