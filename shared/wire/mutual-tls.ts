/**
 * TLS options of every edge: TLS 1.3 only, private CA, no resumption (P2), and peers recognised by role (P1), never by host
 * name. Certificates and chains are PEM texts in the form in which the controller issues them.
 */
import { constants, KeyObject, X509Certificate } from 'node:crypto';
import type { ConnectionOptions, PeerCertificate, SecureContextOptions, Server, TlsOptions } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import { PosternError } from '../base/errors.ts';
import { checkLeaf } from '../crypto/check-leaf.ts';
import type { Role } from '../crypto/spiffe.ts';

export interface OwnCertificate {
  /** PEM or key object. */
  readonly key: string | KeyObject;
  /** The leaf. */
  readonly certificate: string;
  /** Issuing CA first, without the root. */
  readonly chain: readonly string[];
}

export interface ServerTls extends OwnCertificate {
  /** The roots. */
  readonly bundle: readonly string[];
  /** False only for bootstrap servers (P3). */
  readonly mutual: boolean;
}

const handshakeTimeout = 10_000;

/** For `https.createServer`, `tls.createServer`, Fastify's `https` and `swapTls`. With `mutual`, also call `guardServer`. */
export function serverTlsOptions(own: ServerTls): TlsOptions {
  return {
    ...tls13,
    key: keyPem(own.key),
    // The root goes along so that a first contact can find the pinned one in what is presented.
    cert: [own.certificate, ...own.chain, ...rootOf(own)].join('\n'),
    ca: [...own.bundle],
    requestCert: own.mutual,
    // Verified all the same, and judged in admitPeer, which can say why; Node would only close the socket.
    rejectUnauthorized: false,
    handshakeTimeout,
    // With the option Node still sends tickets, but refuses to resume by them; sessions lapse at once besides.
    secureOptions: constants.SSL_OP_NO_TICKET,
    sessionTimeout: 1,
  };
}

export interface ClientTls extends Partial<OwnCertificate> {
  readonly bundle: readonly string[];
  readonly trustDomain: string;
  /** The one role accepted at the other end (P1). */
  readonly role: Role;
  /** The one id accepted, where the grant answer named it. */
  readonly id?: string;
  /** Thumbprint of the one key accepted, where it was named too. */
  readonly jkt?: string | undefined;
  readonly clock: Clock;
  /** The deny list, asked with `<role>/<id>`. */
  readonly denied?: (id: string) => boolean;
}

/** For `tls.connect` and `makeDispatcher`. Without a certificate of its own: for bootstrap servers. */
export function clientTlsOptions(client: ClientTls): ConnectionOptions {
  const { key, certificate, chain = [] } = client;
  return {
    ...tls13,
    ...(key === undefined || certificate === undefined
      ? {}
      : { key: keyPem(key), cert: [certificate, ...chain].join('\n') }),
    ca: [...client.bundle],
    rejectUnauthorized: true,
    // Node calls this after the chain is verified and before anything is sent. Host names mean nothing here.
    checkServerIdentity: (_host, certificate) => checkServer(client, certificate),
  };
}

function checkServer(client: ClientTls, { raw }: PeerCertificate): Error | undefined {
  const { trustDomain, role, id, jkt, clock, denied = () => false } = client;
  const verdict = checkLeaf(raw, {
    trustDomain,
    roles: [role],
    now: clock.now(),
    ...(id === undefined ? {} : { id }),
    isDenied: (leaf) => denied(`${leaf.role}/${leaf.id}`),
  });
  if (verdict.ok && (jkt === undefined || verdict.jkt === jkt)) return undefined;
  const reason = verdict.ok ? 'key' : verdict.reason;
  return new PosternError('peer-refused', `the server's certificate is refused: ${reason}`, { extra: { reason } });
}

/** Renewed certificate or changed bundle, live: new handshakes use it, running connections keep what they proved. */
export function swapTls(server: Pick<Server, 'setSecureContext'>, options: TlsOptions): void {
  server.setSecureContext(options as SecureContextOptions);
}

const tls13 = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ALPNProtocols: ['http/1.1'],
} as const satisfies TlsOptions;

function keyPem(key: string | KeyObject): string {
  return key instanceof KeyObject ? (key.export({ type: 'pkcs8', format: 'pem' }) as string) : key;
}

/** The roots in the bundle that issued the top of the chain: one, or during a rotation perhaps two with one name. */
function rootOf({ certificate, chain, bundle }: ServerTls): string[] {
  const top = new X509Certificate(chain.at(-1) ?? certificate);
  return bundle.filter((root) => top.checkIssued(new X509Certificate(root)));
}
