/** Node's HTTP server for connections that were accepted and proven elsewhere; it never listens itself. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { second } from '#shared/base/clock.ts';
import { createServer } from '#shared/base/node-http.ts';
import { answerMalformed } from '#shared/wire/answer-malformed.ts';
import { dropConnection, isStillAnswering } from '#shared/wire/forward-socket-response.ts';
import { maxHeadBytes } from '#shared/wire/head-limits.ts';
import { inTurn } from '#shared/wire/in-turn.ts';
import { isWebSocketUpgrade } from '#shared/wire/request-head.ts';

export interface LocalHandlers {
  readonly onRequest: (req: IncomingMessage, res: ServerResponse, expects: boolean) => void;
  /** Only what `isWebSocketUpgrade` accepts; every other `Upgrade` is an ordinary request (P21). */
  readonly onUpgrade: (req: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Without it a CONNECT closes the connection. */
  readonly onConnect?: (req: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

export function createLocalHttpServer(handlers: LocalHandlers): Server {
  const server = createServer({
    maxHeaderSize: maxHeadBytes,
    // Bodies take as long as they take; a head does not.
    requestTimeout: 0,
    headersTimeout: 10 * second,
    keepAliveTimeout: 75 * second,
    connectionsCheckingInterval: 5 * second,
    // The head check refuses a missing or doubtful Host and says so.
    requireHostHeader: false,
    shouldUpgradeCallback: isWebSocketUpgrade,
  });
  // Node starts its check of `headersTimeout` at this event, and this server never listens.
  server.emit('listening');
  const take = (expects: boolean) => (req: IncomingMessage, res: ServerResponse) =>
    inTurn(req, res, () => handlers.onRequest(req, res, expects));
  server.on('request', take(false));
  server.on('checkContinue', take(true));
  server.on('checkExpectation', take(false));
  server.on('upgrade', alone(handlers.onUpgrade));
  if (handlers.onConnect !== undefined) server.on('connect', alone(handlers.onConnect));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => answerMalformed(error, socket));
  return server;
}

/** A connection that still answers an earlier request becomes nothing else. */
function alone(take: LocalHandlers['onUpgrade']): LocalHandlers['onUpgrade'] {
  return (req, socket, head) => (isStillAnswering(socket) ? dropConnection(socket) : take(req, socket, head));
}

/** Hands a connection to the server; it may be paused, and may have bytes that were put back. */
export function serveConnection(server: Server, socket: Duplex): void {
  server.emit('connection', socket);
  socket.resume();
}

/** Ends what it serves and its checks. */
export function stopServer(server: Server): void {
  server.closeAllConnections();
  server.close();
}
