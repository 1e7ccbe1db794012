/** A TLS greeting as anybody could send it: who answers at an address? Nothing is sent but the greeting, and nobody is trusted for it. */
import { connect as connectTcp } from 'node:net';
import { connect, type PeerCertificate } from 'node:tls';
import type { CertificateSeen, GreetingSeen } from './evidence.ts';

export function greet(ip: string, port: number, bundle: readonly string[], signal: AbortSignal): Promise<GreetingSeen> {
  return new Promise((resolve) => {
    let isConnected = false;
    const raw = connectTcp({ host: ip, port });
    const end = (seen: GreetingSeen) => {
      signal.removeEventListener('abort', onAbort);
      raw.destroy();
      resolve(seen);
    };
    const onAbort = () => end({ met: isConnected ? 'silence' : 'nothing' });
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    raw.on('error', ({ code = 'failed' }: NodeJS.ErrnoException) => end(isConnected ? { met: 'closed' } : notConnected(code)));
    raw.once('connect', () => {
      isConnected = true;
      const socket = connect({ socket: raw, ca: [...bundle], rejectUnauthorized: false, minVersion: 'TLSv1.2' });
      // With the handshake, and not with what a server says after it: one that wants a certificate closes then.
      socket.once('secureConnect', () => {
        const { authorized, authorizationError } = socket;
        end({ met: 'certificate', certificate: seenOf(socket.getPeerCertificate(), authorized, authorizationError) });
      });
      socket.on('error', (error: NodeJS.ErrnoException) =>
        end(raw.bytesRead === 0 ? { met: 'closed' } : isOther(error) ? { met: 'other-protocol' } : { met: 'failed', code: error.code ?? error.message }),
      );
      socket.once('close', () => end({ met: raw.bytesRead === 0 ? 'closed' : 'other-protocol' }));
    });
  });
}

function notConnected(code: string): GreetingSeen {
  if (code === 'ECONNREFUSED') return { met: 'refused' };
  return code === 'ETIMEDOUT' ? { met: 'nothing' } : { met: 'failed', code };
}

const isOther = ({ code = '' }: NodeJS.ErrnoException): boolean =>
  /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|UNEXPECTED_MESSAGE|HTTP_REQUEST|RECORD_LAYER_FAILURE)/.test(code);

function seenOf(peer: PeerCertificate, authorized: boolean, error: Error | string | undefined): CertificateSeen {
  const refused = typeof error === 'string' ? error : (error as NodeJS.ErrnoException | undefined)?.code;
  return {
    subject: nameIn(peer.subject, peer.subjectaltname),
    issuer: nameIn(peer.issuer, undefined),
    notBefore: Date.parse(peer.valid_from),
    notAfter: Date.parse(peer.valid_to),
    isOurs: authorized,
    ...(authorized ? {} : { refused: refused ?? 'not verified' }),
  };
}

const maxName = 80;

/** Words of a stranger: short, and quoted. */
function nameIn(name: PeerCertificate['subject'] | undefined, alternative: string | undefined): string {
  const text = [name?.CN ?? name?.O ?? alternative ?? 'nobody'].flat().join(', ');
  return JSON.stringify(text.slice(0, maxName));
}
