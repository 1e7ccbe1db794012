/** A TLS greeting as anybody could send it: who answers at an address? Nothing is sent but the greeting, and nobody is trusted for it. */
import { connect as connectTcp } from 'node:net';
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import { sha256 } from '#shared/base/bytes.ts';
import { safeText } from '#shared/base/print-table.ts';
import type { CertificateSeen, GreetingSeen } from './evidence.ts';

/** Roots as PEM, or the SHA-256 of the one root as hex where no more is known yet. */
export type Trust = { readonly bundle: readonly string[] } | { readonly pin: string };

export function greet(ip: string, port: number, trust: Trust, signal: AbortSignal): Promise<GreetingSeen> {
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
    raw.on('error', ({ code = 'failed' }: NodeJS.ErrnoException) =>
      end(isConnected ? { met: 'closed' } : notConnected(code)),
    );
    raw.once('connect', () => {
      isConnected = true;
      const socket = connect({
        socket: raw,
        ca: 'bundle' in trust ? [...trust.bundle] : [],
        rejectUnauthorized: false,
        // Host names mean nothing here.
        checkServerIdentity: () => undefined,
        minVersion: 'TLSv1.2',
      });
      // With the handshake, and not with what a server says after it: one that wants a certificate closes then.
      socket.once('secureConnect', () => end({ met: 'certificate', certificate: seenOf(socket, trust) }));
      socket.on('error', (error: NodeJS.ErrnoException) =>
        end(
          raw.bytesRead === 0
            ? { met: 'closed' }
            : isOther(error)
              ? { met: 'other-protocol' }
              : { met: 'failed', code: error.code ?? error.message },
        ),
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
  /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|UNEXPECTED_MESSAGE|HTTP_REQUEST|RECORD_LAYER_FAILURE)/.test(
    code,
  );

function seenOf(socket: TLSSocket, trust: Trust): CertificateSeen {
  const leaf = socket.getPeerCertificate(true);
  const notBefore = Date.parse(leaf.valid_from);
  const notAfter = Date.parse(leaf.valid_to);
  const refused = 'bundle' in trust ? refusedBy(socket) : refusedByPin(leaf, trust.pin, { notBefore, notAfter });
  return {
    subject: nameIn(leaf.subject, leaf.subjectaltname),
    issuer: nameIn(leaf.issuer, undefined),
    notBefore,
    notAfter,
    isOurs: refused === undefined,
    ...(refused === undefined ? {} : { refused }),
  };
}

function refusedBy({ authorized, authorizationError }: TLSSocket): string | undefined {
  if (authorized) return undefined;
  // Node gives the code, whatever its types say.
  const error: unknown = authorizationError;
  return typeof error === 'string' ? error : ((error as NodeJS.ErrnoException | null)?.code ?? 'not verified');
}

const maxChain = 8;

function refusedByPin(
  leaf: DetailedPeerCertificate,
  pin: string,
  { notBefore, notAfter }: Pick<CertificateSeen, 'notBefore' | 'notAfter'>,
): string | undefined {
  let one: DetailedPeerCertificate | undefined = leaf;
  for (let depth = 0; one?.raw !== undefined && depth < maxChain; depth += 1) {
    if (sha256(one.raw).toString('hex') === pin.toLowerCase()) {
      const now = Date.now();
      return now < notBefore ? 'CERT_NOT_YET_VALID' : now > notAfter ? 'CERT_HAS_EXPIRED' : undefined;
    }
    one = one.issuerCertificate === one ? undefined : one.issuerCertificate;
  }
  return 'its root is not the one that the invitation names';
}

const maxName = 80;

/** Words of a stranger: short, without what a terminal would obey, and quoted. */
function nameIn(name: DetailedPeerCertificate['subject'] | undefined, alternative: string | undefined): string {
  const text = [name?.CN ?? name?.O ?? alternative ?? 'nobody'].flat().join(', ');
  return JSON.stringify(safeText(text.slice(0, maxName)));
}
