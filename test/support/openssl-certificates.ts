/** A small CA by openssl, as organisations have them: a server for `localhost` and 127.0.0.1, and a client. Files in PEM. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface OpensslCertificates {
  readonly ca: string;
  readonly server: { readonly certificate: string; readonly key: string };
  readonly client: { readonly certificate: string; readonly key: string };
}

export function opensslCertificates(dir: string): OpensslCertificates {
  const path = (name: string) => join(dir, name);
  const run = (...args: string[]) => void execFileSync('openssl', args, { stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const ca = ['-x509', '-days', '2', '-subj', '/CN=Test SIEM CA', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
  run('req', ...key, ...ca, '-keyout', path('ca.key'), '-out', path('ca.pem'));
  const leaf = (name: string, extensions: string) => {
    writeFileSync(path(`${name}.ext`), extensions);
    run('req', ...key, '-subj', `/CN=${name}`, '-keyout', path(`${name}.key`), '-out', path(`${name}.csr`));
    const issuer = ['-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-CAcreateserial', '-days', '1'];
    run(
      'x509',
      '-req',
      '-in',
      path(`${name}.csr`),
      ...issuer,
      '-extfile',
      path(`${name}.ext`),
      '-out',
      path(`${name}.pem`),
    );
    return { certificate: path(`${name}.pem`), key: path(`${name}.key`) };
  };
  const server = leaf('siem', 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth');
  return { ca: path('ca.pem'), server, client: leaf('postern', 'extendedKeyUsage=clientAuth') };
}
