/** First contact: finding the root that an invitation pins (P5), before any certificate is trusted. */
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { second } from '../base/clock.ts';
import { PosternError } from '../base/errors.ts';
import { toPem } from '../crypto/pem.ts';
import { directReach } from './doors/direct-reach.ts';
import type { Reach, Secure } from './doors/reach.ts';
import { secureTls } from './doors/secure-tls.ts';

export interface PinnedContact {
  readonly host: string;
  readonly port: number;
  /** SHA-256 of the root certificate's DER, 64 hex digits. */
  readonly pin: string;
  readonly timeoutMs?: number;
  /** How it is reached where it may hide; by TCP alone unless told. */
  readonly reach?: Reach;
}

const maxChain = 8;

/**
 * The PEM of the pinned root, out of the chain that the server presents. Nothing is sent on this connection and nothing but
 * the root is taken from it: anybody can present a public certificate, so the caller connects again and verifies the server
 * against the root. Throws `peer-refused` when no presented certificate has the pin, `unreachable` when nobody answers.
 */
export async function fetchPinnedRoot(contact: PinnedContact): Promise<string> {
  const { host, port, pin } = contact;
  const leaf = await presentedChain(contact);
  const wanted = pin.toLowerCase();
  let certificate: DetailedPeerCertificate | undefined = leaf;
  for (let depth = 0; certificate?.raw !== undefined && depth < maxChain; depth += 1) {
    if (createHash('sha256').update(certificate.raw).digest('hex') === wanted) {
      return toPem('CERTIFICATE', certificate.raw);
    }
    // Node marks a self-signed end by a certificate that is its own issuer.
    const issuer: DetailedPeerCertificate | undefined = certificate.issuerCertificate;
    certificate = issuer === certificate ? undefined : issuer;
  }
  throw new PosternError('peer-refused', `${host}:${port} presents no certificate with the pinned fingerprint`, {
    tell: 'The server is not the one that the invitation names.',
  });
}

async function presentedChain(contact: PinnedContact): Promise<DetailedPeerCertificate> {
  const { host, port, timeoutMs = 10 * second, reach = directReach } = contact;
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const socket = await reach.connect({ host, port, signal, withinMs: timeoutMs }, handshake(host));
    const leaf = socket.getPeerCertificate(true);
    socket.destroy();
    return leaf;
  } catch (error) {
    const why = error === signal.reason ? `no handshake in ${timeoutMs} ms` : (error as Error).message;
    throw new PosternError('unreachable', `first contact with ${host}:${port}: ${why}`, { cause: error });
  }
}

/** Unverified on purpose: the pin stands in for trust, and nothing but public certificates crosses. */
const handshake = (host: string): Secure<TLSSocket> =>
  secureTls(() => ({
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
    ...(isIP(host) === 0 ? { servername: host } : {}),
  }));
