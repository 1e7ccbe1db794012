/** First contact: finding the root that an invitation pins (P5), before any certificate is trusted. */
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { connect, type DetailedPeerCertificate } from 'node:tls';
import { second } from '../base/clock.ts';
import { PosternError } from '../base/errors.ts';
import { toPem } from '../crypto/pem.ts';

export interface PinnedContact {
  readonly host: string;
  readonly port: number;
  /** SHA-256 of the root certificate's DER, 64 hex digits. */
  readonly pin: string;
  readonly timeoutMs?: number;
}

const maxChain = 8;

/**
 * The PEM of the pinned root, out of the chain that the server presents. Nothing is sent on this connection and nothing but
 * the root is taken from it: anybody can present a public certificate, so the caller connects again and verifies the server
 * against the root. Throws `peer-refused` when no presented certificate has the pin, `unreachable` when nobody answers.
 */
export async function fetchPinnedRoot({ host, port, pin, timeoutMs = 10 * second }: PinnedContact): Promise<string> {
  const leaf = await presentedChain(host, port, timeoutMs);
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

function presentedChain(host: string, port: number, timeoutMs: number): Promise<DetailedPeerCertificate> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown) => {
      clearTimeout(timer);
      socket.destroy();
      reject(new PosternError('unreachable', `first contact with ${host}:${port}: ${why}`, { cause }));
    };
    const timer = setTimeout(() => fail(`no handshake in ${timeoutMs} ms`), timeoutMs);
    // Unverified on purpose: the pin stands in for trust, and nothing but public certificates crosses.
    const socket = connect({
      host,
      port,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.3',
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      const leaf = socket.getPeerCertificate(true);
      socket.destroy();
      resolve(leaf);
    });
    socket.on('error', (cause) => fail(cause.message, cause));
    socket.once('close', () => fail('closed before the handshake ended'));
  });
}
