/** A Fastify server in the setting of every edge: problem documents even for what never becomes a request. */
import type { Duplex } from 'node:stream';
import type { TlsOptions } from 'node:tls';
import Fastify, { type FastifyInstance, LogController } from 'fastify';
import { minute, second } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { defaultMaxBody } from '../contracts/route.ts';
import { answerMalformed } from './answer-malformed.ts';
import { problemReply, sendProblem, traceOf } from './problem-reply.ts';

export interface EdgeAppOptions {
  readonly log: Log;
  /** From `serverTlsOptions`; absent for Unix sockets and loopback. A mutual server also needs `guardServer(app.server, ...)`. */
  readonly tls?: TlsOptions;
}

/** Longer than any heartbeat, so that an idle connection is closed by its dialer, who then knows. */
const keepAliveTimeout = 75 * second;

/** Not listening yet; call `serveContract` on it and then `listenTcp` or `listenUnix`. */
export function createEdgeApp({ log, tls }: EdgeAppOptions): FastifyInstance {
  const options = {
    loggerInstance: log,
    // Errors are logged by problemReply; what was asked is the business of records, not of logs.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: traceOf,
    bodyLimit: defaultMaxBody,
    requestTimeout: minute,
    connectionTimeout: 0,
    keepAliveTimeout,
    // A stop ends long streams too; their dialers come back by themselves.
    forceCloseConnections: true,
    // Nothing in front of us: an X-Forwarded-For is somebody's invention.
    trustProxy: false,
    frameworkErrors: (error: unknown, request: never, reply: never) => sendProblem(error, request, reply, log),
    clientErrorHandler: (error: NodeJS.ErrnoException, socket: Duplex) => answerMalformed(error, socket),
  } as const;
  const app = (tls === undefined
    ? Fastify(options as never)
    : Fastify({ ...options, https: tls } as never)) as unknown as FastifyInstance;
  problemReply(app, log);
  return app;
}
