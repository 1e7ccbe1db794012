/** What went wrong upstream, in the words of our table. */
import { PosternError } from '#shared/base/errors.ts';

/** The app spoke, but not HTTP, or not what it had announced. */
const broken = /^(HPE_|UND_ERR_(HEADERS_OVERFLOW|RES_|INVALID_RETURN))/;
const timeouts = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT']);
/** Undici will not send such a request: the head check and the canonical request should have refused it. */
const ours = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED', 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH']);

/**
 * Maps an error of undici, of its connector or of a callback. A PosternError passes as it is, so that a connector can
 * say more exactly what failed. `connected`: whether a connection had taken the request.
 */
export function toForwardError(error: unknown, connected: boolean): PosternError {
  if (error instanceof PosternError) return error;
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  if (timeouts.has(code)) return new PosternError('app-timeout', message, { cause: error });
  if (ours.has(code)) return new PosternError('request-refused', message, { cause: error });
  // Without a connection everything else is about reaching the app: refused, no such name, TLS.
  if (!connected) return new PosternError('app-unreachable', message, { cause: error });
  if (broken.test(code) || message.startsWith('bad ')) return new PosternError('app-broken', message, { cause: error });
  // Closed or reset without an answer.
  if (code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE') {
    return new PosternError('app-unreachable', message, { cause: error });
  }
  return new PosternError('app-broken', message, { cause: error });
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}
