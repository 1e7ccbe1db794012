/** First contact: finding the root that an invitation pins (P5), before any certificate is trusted. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { isIP } from 'node:net';
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import { second } from '../base/clock.ts';
import { PosternError } from '../base/errors.ts';
import { toPem } from '../crypto/pem.ts';
import { dialThrough, isSilence, type KnockSource } from './doors/dial-through.ts';
import type { TurningKnock } from './doors/turning-knock.ts';

export interface PinnedContact {
  readonly host: string;
  readonly port: number;
  /** SHA-256 of the root certificate's DER, 64 hex digits. */
  readonly pin: string;
  readonly timeoutMs?: number;
  /** What comes before TLS, where the server may hide. */
  readonly knock?: TurningKnock | undefined;
}

const maxChain = 8;

/**
 * The PEM of the pinned root, out of the chain that the server presents. Nothing is sent on this connection and nothing but
 * the root is taken from it: anybody can present a public certificate, so the caller connects again and verifies the server
 * against the root. Throws `peer-refused` when no presented certificate has the pin, `unreachable` when nobody answers.
 */
export async function fetchPinnedRoot(contact: PinnedContact): Promise<string> {
  const { host, port, pin, timeoutMs = 10 * second, knock } = contact;
  const look = () => presentedChain({ host, port, timeoutMs, source: knock?.knock() });
  const leaf = await look().catch((error: unknown) => {
    // Whoever met silence tries the other way, as the dispatcher does.
    if (!isSilence((error as PosternError).cause) || knock?.turn() !== true) throw error;
    return look();
  });
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

interface Look {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly source: KnockSource | undefined;
}

async function presentedChain({ host, port, timeoutMs, source }: Look): Promise<DetailedPeerCertificate> {
  const failed = (why: string, cause?: unknown) =>
    new PosternError('unreachable', `first contact with ${host}:${port}: ${why}`, { cause });
  const signal = AbortSignal.timeout(timeoutMs);
  let socket: TLSSocket | undefined;
  try {
    const raw = source && (await dialThrough(source, { host, port, signal }));
    // Unverified on purpose: the pin stands in for trust, and nothing but public certificates crosses.
    socket = connect({
      ...(raw === undefined ? { host, port } : { socket: raw }),
      rejectUnauthorized: false,
      minVersion: 'TLSv1.3',
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    socket.on('error', () => {});
    const closed = once(socket, 'close', { signal }).then(() => {
      throw failed('closed before the handshake ended');
    });
    await Promise.race([once(socket, 'secureConnect', { signal }), closed]);
    return socket.getPeerCertificate(true);
  } catch (error) {
    if (error instanceof PosternError) throw error;
    if (signal.aborted) throw failed(`no handshake in ${timeoutMs} ms`);
    throw failed((error as Error).message, error);
  } finally {
    socket?.destroy();
  }
}
