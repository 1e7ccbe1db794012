/** TLS to an app: whom the gateway takes for it, and whom it says it is itself. One place for traffic and for `app check`. */
import { isIP, type Socket } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, type PeerCertificate, type TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';
import { equalSecret } from '#shared/base/bytes.ts';
import { PosternError } from '#shared/base/errors.ts';
import { type HttpApp, pinsOf, type UpstreamTls } from '#shared/contracts/app.ts';
import { spkiFingerprint } from '#shared/crypto/keys.ts';
import { hearOut } from '#shared/wire/hear-out.ts';
import type { AppCredentials } from '../keystore/app-credentials.ts';

/** The names that may stand in the certificate: what the app says, else the host dialled; of an address, or the app's own name. */
function namesOf({ tls, upstream, hosts, hostHeader }: HttpApp): readonly [string, ...string[]] {
  if (tls?.serverName !== undefined) return [tls.serverName];
  const host = new URL(upstream).hostname.replaceAll(/[[\]]/g, '');
  return isIP(host) === 0 ? [host] : [host, hostHeader ?? hosts[0]!];
}

/**
 * The name in the greeting; an address may not stand there (RFC 6066 section 3). Always told: left to itself undici takes the Host
 * header, which may change from request to request, and reconnects at each change.
 */
export function greetingName(app: HttpApp): string {
  return namesOf(app).find((name) => isIP(name) === 0) ?? app.hosts[0]!;
}

/** The options of one handshake. Throws `app-unreachable` when the certificate to show is not there. */
export function upstreamTlsOptions(app: HttpApp, credential: AppCredentials) {
  const { ca, minVersion, clientCertificate, insecure } = app.tls ?? {};
  const hasPin = pinsOf(app.tls ?? {}).length > 0;
  const names = namesOf(app);
  return {
    checkServerIdentity: (_: string, certificate: PeerCertificate) => {
      const errors = names.map((name) => checkServerIdentity(name, certificate));
      return errors.includes(undefined) ? undefined : errors[0];
    },
    ...(ca === undefined ? {} : { ca }),
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(clientCertificate === undefined ? {} : credential(clientCertificate)),
    // With a pin the key is the trust, whoever has signed it: `isTrusted` holds it against the one seen.
    ...(hasPin || insecure === true ? { rejectUnauthorized: false } : {}),
  } satisfies ConnectionOptions;
}

/** After a handshake: whether a pinned key was seen. Without pins the handshake has told. */
export function isTrusted(socket: Socket | TLSSocket, tls: UpstreamTls | undefined): boolean {
  const pins = pinsOf(tls ?? {});
  if (pins.length === 0) return true;
  const leaf = 'getPeerX509Certificate' in socket ? socket.getPeerX509Certificate() : undefined;
  if (leaf === undefined) return false;
  const seen = spkiFingerprint(leaf);
  return pins.some((pin) => equalSecret(seen, pin));
}

export interface ConnectorOptions {
  readonly timeout: number;
  readonly credential: AppCredentials;
}

export function upstreamConnector(app: HttpApp, options: ConnectorOptions): buildConnector.connector {
  const { timeout, credential } = options;
  const { tls } = app;
  const make = () =>
    buildConnector({
      timeout,
      allowH2: false,
      // A resumed session would not present the certificate that a pin is held against.
      maxCachedSessions: pinsOf(tls ?? {}).length === 0 ? 100 : 0,
      ...upstreamTlsOptions(app, credential),
    });
  // The certificate to show may have been renewed since the last connection.
  const isLate = tls?.clientCertificate !== undefined;
  const made = isLate ? undefined : make();
  return (options, done) => {
    let connect: buildConnector.connector;
    try {
      connect = made ?? make();
    } catch (error) {
      return done(error as Error, null);
    }
    connect(options, (...result) => {
      const socket: Socket | TLSSocket | null = result[1];
      if (result[0] !== null) return done(asEndOfRequest(result[0]), null);
      if (socket === null) return done(...result);
      if (isTrusted(socket, tls)) return done(null, hearOut(socket));
      socket.on('error', () => {});
      socket.destroy();
      done(new PosternError('app-unreachable', 'the key of the upstream is not the pinned one'), null);
    });
  };
}

/**
 * Undici errs where a certificate has another name, and knows it by its code: its client counts the request as running for ever, and neither
 * takes another one nor closes.
 */
function asEndOfRequest(error: Error): Error {
  if ((error as NodeJS.ErrnoException).code !== 'ERR_TLS_CERT_ALTNAME_INVALID') return error;
  return new PosternError('app-unreachable', error.message, { cause: error });
}
