/**
 * The certificates that apps want to see from the gateway: files that the operator puts into the gateway's directory, each the
 * certificate with its chain and its private key in PEM. They are not this gateway's own: an app must not have to trust
 * Postern's CA, which devices have certificates of as well. Read at each connection, so that a renewed file needs no restart.
 */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PosternError } from '#shared/base/errors.ts';
import { refuseShared } from './refuse-shared.ts';

export interface AppCredential {
  readonly cert: string;
  readonly key: string;
}

/** By the name that an app gives. Throws `app-unreachable`, for then the app cannot be reached as it wants to be. */
export type AppCredentials = (name: string) => AppCredential;

export function appCredentials(dir: string): AppCredentials {
  return (name) => {
    const path = join(dir, 'app-certificates', `${name}.pem`);
    try {
      refuseShared(path, statSync(path));
      const text = readFileSync(path, 'utf8');
      if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text) && text.includes('-----BEGIN CERTIFICATE-----')) {
        return { cert: text, key: text };
      }
    } catch (error) {
      const { message } = error as Error;
      throw new PosternError('app-unreachable', `the certificate to show to the app: ${message}`, { cause: error });
    }
    throw new PosternError('app-unreachable', `${path} must hold a certificate and its private key in PEM`);
  };
}
