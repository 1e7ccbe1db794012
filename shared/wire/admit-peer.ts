/**
 * Who is at the other end of a mutual connection (P1, P2). OpenSSL proves chain and key; everything a name means is judged
 * here, before the first request is read.
 */
import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import { PosternError } from '../base/errors.ts';
import { checkLeaf, type LeafIdentity, type LeafReason } from '../crypto/check-leaf.ts';
import type { Role } from '../crypto/spiffe.ts';
import { lapseConnection } from './connection-lapse.ts';

/** What a proven leaf says: role, id, SPIFFE id, serial, times (ms), key and its thumbprint (`cnf.jkt`). */
export interface Peer extends LeafIdentity {
  /** `<role>/<id>`, by which deny lists and knocks call it. */
  readonly name: string;
}

/** `untrusted`: the chain does not lead to our bundle, or OpenSSL found something else wrong with it; the detail is its code. */
export type PeerRefusal = 'resumed' | 'no-certificate' | 'untrusted' | 'other-knock' | LeafReason;

export interface PeerRules {
  readonly trustDomain: string;
  readonly roles: readonly Role[];
  /** The deny list, asked with `<role>/<id>`. */
  readonly denied: (id: string) => boolean;
  /** Behind a door: whose knock opened this connection, as `<role>/<id>`. Nobody comes in by another's knock. */
  readonly knockOf?: ((socket: Socket) => string | undefined) | undefined;
}

export type Admission =
  | { readonly ok: true; readonly peer: Peer }
  | { readonly ok: false; readonly reason: PeerRefusal; readonly detail?: string };

/** What OpenSSL finds before our own checks could, in our words: a peer that slept for too long is no forger. */
const chainReasons: Readonly<Record<string, PeerRefusal>> = {
  CERT_HAS_EXPIRED: 'expired',
  CERT_NOT_YET_VALID: 'not-yet-valid',
};

/** `now` in milliseconds since the epoch. */
export function admitPeer(socket: TLSSocket, rules: PeerRules & { readonly now: number }): Admission {
  // A resumed session was never verified again: Node would admit an expired or denied peer by it.
  if (socket.isSessionReused()) return { ok: false, reason: 'resumed' };
  // Asked first: a missing certificate shows as UNABLE_TO_GET_ISSUER_CERT in authorizationError.
  const leaf = socket.getPeerX509Certificate();
  if (leaf === undefined) return { ok: false, reason: 'no-certificate' };
  if (!socket.authorized || socket.authorizationError) {
    const detail = String(socket.authorizationError);
    return { ok: false, reason: chainReasons[detail] ?? 'untrusted', detail };
  }
  const { trustDomain, roles, now, denied, knockOf } = rules;
  const verdict = checkLeaf(leaf, { trustDomain, roles, now, isDenied: ({ role, id }) => denied(`${role}/${id}`) });
  if (!verdict.ok) return { ok: false, reason: verdict.reason };
  const { ok: _, ...leafSays } = verdict;
  const peer = { ...leafSays, name: `${leafSays.role}/${leafSays.id}` };
  if (knockOf !== undefined && knockOf(socket) !== peer.name) return { ok: false, reason: 'other-knock' };
  return { ok: true, peer };
}

const peers = new WeakMap<Socket, Peer>();

/** The peer that a guarded server admitted on this socket; undefined on every other socket. */
export function peerOf(socket: Socket): Peer | undefined {
  return peers.get(socket);
}

/** The peer of the socket when it has one of `roles`; throws `certificate-missing` or `role-refused`. For `authorize`. */
export function requirePeer(socket: Socket, ...roles: readonly Role[]): Peer {
  const peer = peers.get(socket);
  if (peer === undefined) throw new PosternError('certificate-missing');
  if (!roles.includes(peer.role)) {
    throw new PosternError('role-refused', `a ${peer.role} called what is for ${roles.join(', ')}`);
  }
  return peer;
}

export interface GuardOptions extends PeerRules {
  readonly clock: Clock;
  readonly onRefused: (reason: PeerRefusal, socket: TLSSocket, detail?: string) => void;
}

export interface Guard {
  /** Ends every connection whose peer `test` picks (a denied device, a changed bundle); returns how many. */
  cut(test: (peer: Peer) => boolean): number;
}

/**
 * Admits or ends each connection of a mutual server, attaches the peer, and ends the connection when the certificate does.
 * Prepended, so that it runs before the listener that reads requests: a refused peer's early request is never parsed.
 */
export function guardServer(server: Server, options: GuardOptions): Guard {
  const live = new Set<TLSSocket>();
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const admission = admitPeer(socket, { ...options, now: options.clock.now() });
    if (!admission.ok) {
      // The socket's own error, if it fails while it is thrown out, says nothing that the refusal does not.
      socket.on('error', () => {});
      options.onRefused(admission.reason, socket, admission.detail);
      socket.destroy();
      return;
    }
    peers.set(socket, admission.peer);
    live.add(socket);
    socket.once('close', () => live.delete(socket));
    lapseConnection(socket, admission.peer.notAfter, options.clock);
  });
  return {
    cut(test) {
      let count = 0;
      for (const socket of live) {
        const peer = peers.get(socket);
        if (peer === undefined || !test(peer)) continue;
        socket.destroy();
        count += 1;
      }
      return count;
    },
  };
}
