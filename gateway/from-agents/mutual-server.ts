/** The TLS server that agents dial: mutual, TLS 1.3, no resumption, every leaf checked by our own code (P1, P2). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '#shared/base/clock.ts';
import { second } from '#shared/base/clock.ts';
import { verdictHeader } from '#shared/contracts/agent-to-gateway.ts';
import { type Guard, guardServer, type PeerRefusal } from '#shared/wire/admit-peer.ts';
import { answerMalformed } from '#shared/wire/answer-malformed.ts';
import type { LetIns } from '#shared/wire/doors/let-ins.ts';
import type { PreludeDoor } from '#shared/wire/doors/prelude-door.ts';
import { dropConnection, isStillAnswering } from '#shared/wire/forward-socket-response.ts';
import { maxCarriedHeadBytes } from '#shared/wire/head-limits.ts';
import { endIdle } from '#shared/wire/idle-connections.ts';
import { inTurn } from '#shared/wire/in-turn.ts';
import { type ServerTls, serverTlsOptions } from '#shared/wire/mutual-tls.ts';
import { isWebSocketUpgrade } from '#shared/wire/request-head.ts';
import type { Counters } from '../metrics/counters.ts';

export interface MutualServerParts {
  readonly tls: ServerTls;
  readonly trustDomain: string;
  /** Controller time (P19). */
  readonly clock: Clock;
  readonly denied: (id: string) => boolean;
  readonly counters: Counters;
  /** In front of this server, if anything is. */
  readonly door?: PreludeDoor | undefined;
  /** Who was let in by the kernel door. */
  readonly letIns: LetIns;
  readonly onRefused: (reason: PeerRefusal, address: string, detail: string | undefined) => void;
  readonly onRequest: (req: IncomingMessage, res: ServerResponse, expects: boolean) => void;
  readonly onUpgrade: (req: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly onConnect: (req: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

export interface MutualServer {
  readonly server: Server;
  readonly guard: Guard;
  /** Every connection, those in the middle of their handshake included. */
  readonly destroyAll: () => void;
}

export function createMutualServer(parts: MutualServerParts): MutualServer {
  const server = createServer({
    ...serverTlsOptions(parts.tls),
    maxHeaderSize: maxCarriedHeadBytes,
    // Bodies take as long as they take; a head does not.
    requestTimeout: 0,
    headersTimeout: 10 * second,
    // `endIdle` does it.
    keepAliveTimeout: 0,
    connectionsCheckingInterval: 5 * second,
    noDelay: true,
    // Most requests have no body: no stream is made ready for one that says so.
    optimizeEmptyRequests: true,
    // Our own head check says why; Node would only say 400.
    requireHostHeader: false,
    // P21: any other upgrade is an ordinary request, whose Upgrade header is removed.
    shouldUpgradeCallback: isWebSocketUpgrade,
  });
  const idle = endIdle(server, { afterMs: 75 * second, lookMs: 15 * second });
  const take = (expects: boolean) => (req: IncomingMessage, res: ServerResponse) =>
    inTurn(req, res, () => parts.onRequest(req, res, expects));
  server.on('request', take(false));
  server.on('checkContinue', take(true));
  // Another expectation: the head check refuses it.
  server.on('checkExpectation', take(false));
  const alone = (switchTo: MutualServerParts['onConnect']) => (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    idle.forget(socket);
    if (!isStillAnswering(socket)) return switchTo(req, socket, head);
    parts.counters.add('malformed_requests');
    dropConnection(socket);
  };
  server.on('upgrade', alone(parts.onUpgrade));
  server.on('connect', alone(parts.onConnect));
  server.on('tlsClientError', () => parts.counters.add('handshakes_refused', 'tls'));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    parts.counters.add('malformed_requests');
    answerMalformed(error, socket, { [verdictHeader]: 'bad-request' });
  });
  const guard = guardServer(server, {
    trustDomain: parts.trustDomain,
    roles: ['device'],
    clock: parts.clock,
    denied: parts.denied,
    knockOf: parts.door && ((socket) => parts.door?.clientOf(socket)),
    onRefused: (reason, socket: TLSSocket, detail) => {
      parts.counters.add('handshakes_refused', reason);
      parts.onRefused(reason, socket.remoteAddress ?? '', detail);
    },
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const destroyAll = () => {
    parts.door?.stop();
    for (const socket of sockets) socket.destroy();
  };
  parts.door?.guard(server, 'mutual');
  parts.letIns.guard(server);
  return { server, guard, destroyAll };
}
