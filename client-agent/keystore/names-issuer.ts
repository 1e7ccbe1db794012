/**
 * The one reader of the private key of the issuer for names of apps (P31): made on this device, kept in its profile, good for its zones
 * alone. Certificates of 24 h are made for one name at a time, and anew at half their life.
 */
import { constants, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { type Clock, day } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { Issuer } from '#shared/crypto/issue-certificate.ts';
import { generateKeyPair, privateKeyFromPem, privateKeyToPem } from '#shared/crypto/keys.ts';
import { issueForName, makeLocalIssuer } from '#shared/crypto/local-issuer.ts';
import { refusePublicSuffixes } from '../names/public-suffix.ts';
import type { ProfileDirectory } from './profile-directory.ts';

export const issuerFile = 'names-issuer.json';
/** Of the issuer: before that a new one is made, and wants to be trusted. */
const renewBefore = 30 * day;

interface Stored {
  readonly zones: readonly string[];
  readonly certificate: string;
  readonly key: string;
}

export interface NamesIssuer {
  /** PEM; what this device's stores are told to trust. */
  readonly certificate: string;
  /** For TLS at one name. Made when it is first asked for. */
  contextFor(name: string): Promise<SecureContext>;
}

/** Makes an issuer where there is none for exactly these zones, or its end is near. Throws `invalid-config` for zones that are public suffixes. */
export async function openNamesIssuer(
  directory: ProfileDirectory,
  zones: readonly string[],
  clock: Clock,
): Promise<NamesIssuer> {
  const stored = readStored(directory, zones, clock) ?? (await makeStored(directory, zones, clock));
  const issuer: Issuer = { certificate: stored.certificate, privateKey: privateKeyFromPem(stored.key) };
  const keys = generateKeyPair();
  const key = privateKeyToPem(keys.privateKey);
  const made = new Map<string, { readonly context: Promise<SecureContext>; readonly until: number }>();
  const make = async (name: string): Promise<SecureContext> => {
    const { pem } = await issueForName({ issuer, publicKey: keys.publicKey, name, now: clock.now() });
    return createSecureContext({
      key,
      cert: pem + stored.certificate,
      minVersion: 'TLSv1.2',
      secureOptions: constants.SSL_OP_NO_TICKET,
    });
  };
  return {
    certificate: stored.certificate,
    contextFor(name) {
      const now = clock.now();
      const kept = made.get(name);
      // A clock that was set back by more than the half would show it as not yet good.
      if (kept !== undefined && now < kept.until && now > kept.until - day) return kept.context;
      const context = make(name);
      made.set(name, { context, until: now + day / 2 });
      context.catch(() => made.delete(name));
      return context;
    },
  };
}

function readStored(directory: ProfileDirectory, zones: readonly string[], clock: Clock): Stored | undefined {
  const text = directory.read(issuerFile);
  if (text === undefined) return undefined;
  let stored: Partial<Stored>;
  try {
    stored = JSON.parse(text) as Partial<Stored>;
  } catch {
    // No cause: it quotes the text, which holds the key.
    throw new PosternError('invalid-config', `${directory.file(issuerFile)} is damaged`);
  }
  const { certificate, key } = stored;
  if (typeof certificate !== 'string' || typeof key !== 'string') return undefined;
  if (JSON.stringify(stored.zones) !== JSON.stringify(zones)) return undefined;
  const end = new X509Certificate(certificate).validToDate.getTime();
  return end - clock.now() > renewBefore ? { zones, certificate, key } : undefined;
}

async function makeStored(directory: ProfileDirectory, zones: readonly string[], clock: Clock): Promise<Stored> {
  await refusePublicSuffixes(zones);
  const made = await makeLocalIssuer({ zones, label: `Postern ${zones[0]}`, now: clock.now() });
  const stored = { zones, certificate: made.certificate, key: privateKeyToPem(made.privateKey) };
  directory.write(issuerFile, JSON.stringify(stored));
  // What other commands read: no secret.
  directory.write('names-issuer.crt', made.certificate);
  return stored;
}
