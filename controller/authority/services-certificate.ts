/**
 * The certificate of the services listener: an administrator's, from two files that are read again when they changed, or the
 * controller's own. A pair that does not fit, as while only one file has been replaced, changes nothing: the one in use stays.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { TlsOptions } from 'node:tls';
import { PosternError } from '#shared/base/errors.ts';
import { serverTlsOptions } from '#shared/wire/mutual-tls.ts';
import type { Authority } from './open-authority.ts';

export interface CertificateFiles {
  /** PEM: the leaf, then what leads to its root. */
  readonly certificate: string;
  /** PEM, unencrypted. */
  readonly key: string;
}

export interface ServicesCertificate {
  readonly tls: TlsOptions;
  readonly endsAt: number;
  /** What it was made from: another text is another certificate. */
  readonly text: string;
}

export type LeastTls = 'TLSv1.2' | 'TLSv1.3';

/** The controller's own, by our CA. Clients trust it by the root: `posternctl trust`. */
export function ownServicesCertificate(authority: Authority, least: LeastTls): ServicesCertificate {
  const own = authority.ownCertificate();
  const options = serverTlsOptions({ ...own, mutual: false });
  return { tls: { ...options, minVersion: least }, endsAt: own.notAfter, text: own.certificate };
}

/** Throws `invalid-config` naming the file; never its content. */
export function readServicesCertificate(files: CertificateFiles, least: LeastTls): ServicesCertificate {
  const cert = read(files.certificate);
  const key = read(files.key);
  const fail = (why: string, cause?: unknown) =>
    new PosternError('invalid-config', `services.certificate: ${why}`, cause === undefined ? {} : { cause });
  let leaf: X509Certificate;
  let fits: boolean;
  try {
    leaf = new X509Certificate(cert);
  } catch (cause) {
    throw fail(`${files.certificate} is no certificate in PEM`, cause);
  }
  try {
    fits = leaf.checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw fail(`${files.key} is no private key in PEM`, cause);
  }
  if (!fits) throw fail(`${files.key} is not the key of ${files.certificate}`);
  const tls: TlsOptions = { cert, key, minVersion: least, maxVersion: 'TLSv1.3', ALPNProtocols: ['http/1.1'] };
  return { tls, endsAt: leaf.validToDate.getTime(), text: cert + key };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const { code = 'unknown error' } = cause as NodeJS.ErrnoException;
    throw new PosternError('invalid-config', `services: ${file} cannot be read: ${code}`, { cause });
  }
}
