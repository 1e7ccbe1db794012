/** Tells the gateway's own refusals from the app's answers, and reads them (RFC 9457). */
import { isErrorCode, PosternError } from '#shared/base/errors.ts';
import { forwardedHeader, verdictHeader } from '#shared/contracts/agent-to-gateway.ts';
import { legFailuresOf } from '#shared/wire/doors/leg-failure.ts';
import type { ForwardOutcome } from '#shared/wire/forward-types.ts';
import { headerValues } from '#shared/wire/http-headers.ts';
import type { Sent } from '../agent-api.ts';

/** For `keepBack`: apps cannot send `Postern-Verdict`, the gateway strips it from theirs. */
export function isGatewayRefusal(status: number, rawHeaders: readonly string[]): boolean {
  return status >= 400 && headerValues(rawHeaders, verdictHeader).length > 0;
}

export interface Repeatable {
  /** The body is kept whole, or there is none. */
  readonly replayable: boolean;
  /** The method changes nothing (RFC 9110 section 9.2.1), so that sending it twice does no harm; and it is not granted for one use. */
  readonly safe: boolean;
}

/** A request whose body was streamed can be repeated only if no byte of it was taken. */
export function readOutcome(outcome: ForwardOutcome, { replayable, safe }: Repeatable): Sent<ForwardOutcome> {
  const canRepeat = replayable || outcome.bytesUp === 0;
  if (outcome.kept !== undefined) {
    const { headers, body } = outcome.kept;
    const refused = readRefusal(headers, body.toString('utf8'));
    return { refused, canRepeat: canRepeat && (safe || refused.extra?.['forwarded'] !== true) };
  }
  if (outcome.ended !== 'refused' || outcome.error === undefined) return { done: outcome };
  const { error } = outcome;
  if (error.code === 'peer-refused') return { refused: error, canRepeat };
  // The forwarder speaks of the app; from here the next hop is the gateway, and it is the gateway that did not answer.
  if (error.code === 'app-unreachable' || error.code === 'app-timeout' || error.code === 'app-broken') {
    const refused = new PosternError('unreachable', `the gateway: ${error.message}`, {
      tell: tellNotReached(error),
      cause: error,
    });
    return { refused, canRepeat: canRepeat && (safe || wasNotSent(error)) };
  }
  return { refused: error, canRepeat: false };
}

/** Which ways to the gateway were tried, and how each failed. */
export function tellNotReached(error: unknown): string {
  const failed = legFailuresOf(error).map(({ rung, detail }) => `${rung}: ${detail}`);
  return failed.length === 0
    ? 'The gateway could not be reached.'
    : `The gateway could not be reached. ${failed.join('; ')}.`;
}

/** Of a tunnel: the gateway has refused it before it dialled the app, or was not reached at all. */
export function wasNotForwarded({ code, extra, cause }: PosternError): boolean {
  if (code !== 'unreachable') return extra?.['forwarded'] !== true;
  return unconnected.has((cause as { code?: string } | undefined)?.code ?? '');
}

const unconnected: ReadonlySet<string> = new Set([
  'NOT_REACHED',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** True when no connection came about. A connection that broke may have carried the request to the app. */
function wasNotSent({ code, cause, message }: PosternError): boolean {
  const reason = (cause as { code?: unknown } | undefined)?.code;
  if (code === 'app-timeout') return reason === 'UND_ERR_CONNECT_TIMEOUT' || message === 'no connection in time';
  return code === 'app-unreachable' && reason !== 'UND_ERR_SOCKET' && reason !== 'ECONNRESET' && reason !== 'EPIPE';
}

/** A gateway's refusal as the PosternError it was; pages for navigations say their code in a header. */
export function readRefusal(rawHeaders: readonly string[], body: string): PosternError {
  const problem = parseProblem(body);
  const code = problem['code'] ?? headerValues(rawHeaders, verdictHeader)[0];
  if (!isErrorCode(code)) return new PosternError('bad-answer', 'the gateway refused in words that are not known here');
  const { detail, title: _t, status: _s, next: _n, type: _ty, code: _c, ...extra } = problem;
  const seconds = Number(headerValues(rawHeaders, 'retry-after')[0]);
  if (extra['retryAfterMs'] === undefined && Number.isFinite(seconds)) extra['retryAfterMs'] = seconds * 1000;
  if (headerValues(rawHeaders, forwardedHeader).length > 0) extra['forwarded'] = true;
  return new PosternError(code, `refused by the gateway: ${code}`, {
    ...(typeof detail === 'string' ? { tell: detail.slice(0, 2000) } : {}),
    extra,
  });
}

function parseProblem(body: string): Record<string, unknown> {
  if (!body.startsWith('{')) return {};
  try {
    return JSON.parse(body) as Record<string, unknown>;
  } catch {
    // Cut short: the header says the code.
    return {};
  }
}
