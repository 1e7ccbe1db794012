/** TLS to a target: its certificate is always checked. */
import type { ConnectionOptions } from 'node:tls';
import type { TargetSecrets, TargetSettings } from './target.ts';

export function tlsTo({ ca, certificate, serverName }: TargetSettings, { key }: TargetSecrets): ConnectionOptions {
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined || key === undefined ? {} : { cert: certificate, key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
}
