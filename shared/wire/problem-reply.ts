/** Every error of an edge as a problem document (RFC 9457), with its other face in the log. */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { newTrace } from '../base/bytes.ts';
import { asPosternError, PosternError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { traceHeader } from '../contracts/agent-to-gateway.ts';

const traceKey = Symbol('trace');
const tracePattern = /^[0-9a-f]{32}$/;

/** The trace of a request: the caller's when it is well formed, else a new one; always the same for one request. */
export function traceOf(request: IncomingMessage & { [traceKey]?: string }): string {
  let trace = request[traceKey];
  if (trace === undefined) {
    const given = request.headers[traceHeader];
    trace = typeof given === 'string' && tracePattern.test(given) ? given : newTrace();
    request[traceKey] = trace;
  }
  return trace;
}

/** Sets the error and not-found handlers of `app` and echoes `Postern-Trace` on every answer. */
export function problemReply(app: FastifyInstance, log: Log): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header(traceHeader, traceOf(request.raw));
  });
  app.setErrorHandler((thrown, request, reply) => sendProblem(thrown, request, reply, log));
  app.setNotFoundHandler((request, reply) => sendProblem(new PosternError('not-found'), request, reply, log));
}

/** A body still on its way that is larger than this is not waited for: the connection is closed instead. */
const maxDiscarded = 65_536;

export function sendProblem(thrown: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  const error = asProblem(thrown);
  const trace = traceOf(request.raw);
  logProblem(log, error, request.raw, trace);
  for (const [name, value] of Object.entries(problemHeaders(error))) reply.header(name, value);
  if (isLongBodyPending(request.raw)) reply.header('connection', 'close');
  return (
    reply
      .code(error.status)
      .header(traceHeader, trace)
      .type('application/problem+json')
      // Bytes, because Fastify adds a charset to texts, which this media type does not have.
      .send(Buffer.from(JSON.stringify(error.toProblem(trace))))
  );
}

/** Headers that go with a problem on any edge, besides its content type. */
export function problemHeaders(error: PosternError): Record<string, string> {
  const headers: Record<string, string> = { 'cache-control': 'no-store' };
  const { retryAfterMs } = error.extra ?? {};
  if (typeof retryAfterMs === 'number') headers['retry-after'] = String(Math.ceil(retryAfterMs / 1000));
  const challenge = challengeOf(error);
  if (challenge !== undefined) headers['www-authenticate'] = challenge;
  // RFC 9110 section 11.7.1: a 407 has a challenge. RFC 7617 section 2.1: what the user is written in.
  if (error.code === 'proxy-login-required') headers['proxy-authenticate'] = 'Basic realm="postern", charset="UTF-8"';
  return headers;
}

/** RFC 9470 section 3 on a step-up; RFC 9110 section 11.6.1 wants a challenge where a session is what is missing. */
function challengeOf({ code, extra }: PosternError): string | undefined {
  if (code === 'session-required' || code === 'session-idle') return 'Postern-Session';
  if (code !== 'step-up-required') return undefined;
  const maxAge = extra?.['max_age'];
  const age = typeof maxAge === 'number' && Number.isInteger(maxAge) ? `, max_age="${maxAge}"` : '';
  return `Postern-Session error="insufficient_user_authentication"${age}`;
}

/** Fastify's own errors as ours; whatever is neither becomes `internal`. */
function asProblem(thrown: unknown): PosternError {
  if (thrown instanceof PosternError) return thrown;
  if (!(thrown instanceof Error)) return asPosternError(thrown);
  const { code = '', statusCode } = thrown as Error & { code?: string; statusCode?: number };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new PosternError('body-too-large', undefined, { cause: thrown });
  // What Fastify blames on the caller: media type, JSON, lengths, URL. Its messages quote the input, so none is told.
  const isCallers = statusCode !== undefined && statusCode >= 400 && statusCode < 500;
  if (isCallers && (code.startsWith('FST_ERR_') || thrown instanceof SyntaxError || code === 'ECONNRESET')) {
    return new PosternError('bad-request', thrown.message, { cause: thrown });
  }
  return asPosternError(thrown);
}

/** The error's code is logged as `problem`: a field named `code` is removed as a possible secret. */
function logProblem(log: Log, error: PosternError, request: IncomingMessage, trace: string): void {
  const path = request.url?.split('?', 1)[0];
  const facts = { problem: error.code, trace, method: request.method, path };
  if (error.status >= 500) log.error({ ...facts, err: error }, error.message);
  else log.info({ ...facts, ...(error.cause === undefined ? {} : { cause: String(error.cause) }) }, error.message);
}

function isLongBodyPending({ complete, headers }: IncomingMessage): boolean {
  if (complete) return false;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > maxDiscarded;
}
