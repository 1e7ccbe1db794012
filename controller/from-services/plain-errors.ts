/** Errors of the AuthZEN routes, as its HTTPS binding has them: the status code, and a message as the body. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { asPosternError, errorTable, PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import { traceOf } from '#shared/wire/problem-reply.ts';

export function sendPlainError(thrown: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  const error = asOurs(thrown);
  const facts = { problem: error.code, trace: traceOf(request.raw), path: request.url.split('?', 1)[0] };
  if (error.status >= 500) log.error({ ...facts, err: error }, error.message);
  else log.info(facts, error.message);
  const challenge = challengeOf(error);
  if (challenge !== undefined) reply.header('www-authenticate', challenge);
  const wait = error.extra?.['retryAfterMs'];
  if (typeof wait === 'number') reply.header('retry-after', String(Math.ceil(wait / 1000)));
  // Of a body that was not taken nothing is waited for.
  if (!request.raw.complete) reply.header('connection', 'close');
  return reply
    .code(error.status)
    .header('cache-control', 'no-store')
    .type('text/plain; charset=utf-8')
    .send(error.tell ?? errorTable[error.code].title);
}

/** RFC 6750 section 3: no error code where no token was shown. */
function challengeOf({ code, extra }: PosternError): string | undefined {
  if (code === 'token-needed') return 'Bearer realm="postern"';
  if (code === 'token-refused') return 'Bearer realm="postern", error="invalid_token"';
  // A scope is made of the letters of store names: no quote can be in it.
  if (code === 'scope-needed') return `Bearer realm="postern", error="insufficient_scope", scope="${extra?.['scope']}"`;
  return undefined;
}

/** What Fastify blames on the caller is 400, as the standard wants of a wrong media type too, but for a body that is too large. */
function asOurs(thrown: unknown): PosternError {
  if (thrown instanceof PosternError || !(thrown instanceof Error)) return asPosternError(thrown);
  const { code = '', statusCode = 500 } = thrown as Error & { code?: string; statusCode?: number };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new PosternError('body-too-large', undefined, { cause: thrown });
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return new PosternError('bad-request', undefined, {
      tell: 'Content-Type must be application/json.',
      cause: thrown,
    });
  if (statusCode < 500 && (code.startsWith('FST_ERR_') || code === 'ECONNRESET'))
    return new PosternError('bad-request', thrown.message, { cause: thrown });
  return asPosternError(thrown);
}
