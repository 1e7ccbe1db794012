/** Ed25519 keys (RFC 8032) as the 32 bytes that they are: of the log alone, everything else of Postern is on P-256. */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';

const seedBytes = 32;
/** What stands before the seed in PKCS #8 (RFC 8410 section 7). */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex');

export function generateEd25519(): KeyObject {
  return generateKeyPairSync('ed25519').privateKey;
}

export function ed25519Seed(privateKey: KeyObject): Buffer {
  return Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url');
}

/** Throws TypeError for anything but 32 bytes. */
export function ed25519FromSeed(seed: Uint8Array): KeyObject {
  if (seed.length !== seedBytes) throw new TypeError('the seed of an Ed25519 key has 32 bytes');
  return createPrivateKey({ key: Buffer.concat([pkcs8Head, seed]), format: 'der', type: 'pkcs8' });
}
