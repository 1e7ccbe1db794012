/**
 * The two private keys of a gateway and the only code that reads them (invariant 10): the TLS key that its certificate is
 * for, and the identity key that signs `Postern-Identity`, so that an app's key set never holds a TLS key (P23).
 */

import { createPublicKey, type KeyObject } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  generateKeyPair,
  type KeyPair,
  keyThumbprint,
  type PublicJwk,
  privateKeyFromPem,
  privateKeyToPem,
  publicKeyToJwk,
} from '#shared/crypto/keys.ts';
import { type AppCredentials, appCredentials } from './app-credentials.ts';
import { refuseShared } from './refuse-shared.ts';
import { writeFileWhole } from './write-file.ts';

export interface IdentityKey {
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly privateKey: KeyObject;
  /** The public half as it stands in key sets. */
  readonly jwk: PublicJwk & { readonly kid: string; readonly alg: 'ES256'; readonly use: 'sig' };
}

export interface GatewayKeys {
  readonly tls: KeyPair;
  readonly identity: IdentityKey;
  /** What apps want to be shown. */
  readonly forApps: AppCredentials;
}

/** Reads the keys below `dir`, making what is missing. Throws `invalid-config` for a key that others may read. */
export function openKeys(dir: string): GatewayKeys {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const identity = readOrMake(join(dir, 'identity-key.pem'));
  const kid = keyThumbprint(identity.publicKey);
  const jwk = { ...publicKeyToJwk(identity.publicKey), kid, alg: 'ES256', use: 'sig' } as const;
  return {
    tls: readOrMake(join(dir, 'tls-key.pem')),
    identity: { kid, privateKey: identity.privateKey, jwk },
    forApps: appCredentials(dir),
  };
}

function readOrMake(path: string): KeyPair {
  let pem: string;
  try {
    refuseShared(path, statSync(path));
    pem = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const made = generateKeyPair();
    writeFileWhole(path, privateKeyToPem(made.privateKey), 0o600);
    chmodSync(path, 0o600);
    return made;
  }
  const privateKey = privateKeyFromPem(pem);
  return { privateKey, publicKey: createPublicKey(privateKey) };
}
