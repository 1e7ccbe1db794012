/**
 * One request or WebSocket from the first byte of its head to the last of its answer, in order: head check, the gateway's
 * own paths, gates, live table, opening record, app. Nothing waits before the live table (P16); nothing goes to the app
 * before the record (P24).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { second } from '#shared/base/clock.ts';
import { asPosternError } from '#shared/base/errors.ts';
import { ownPathPrefix, traceHeader } from '#shared/contracts/agent-to-gateway.ts';
import type { HttpApp } from '#shared/contracts/app.ts';
import { targetOf } from '#shared/wire/canonical-request.ts';
import { responseOnSocket } from '#shared/wire/forward-socket-response.ts';
import type { Forwarding, ForwardOptions } from '#shared/wire/forward-types.ts';
import { forwardUpgrade } from '#shared/wire/forward-upgrade.ts';
import { startForward } from '#shared/wire/forwarder.ts';
import { traceOf } from '#shared/wire/problem-reply.ts';
import { createHeadGuard } from '#shared/wire/request-head.ts';
import type { Ask } from '../gates/ask.ts';
import { passGates } from '../gates/index.ts';
import { appHeaders } from '../to-apps/app-headers.ts';
import { defaultConnectMs } from '../to-apps/upstream-pools.ts';
import { answerProblem } from './answer-problem.ts';
import type { DataParts } from './data-parts.ts';
import { answerOwnPath } from './own-paths.ts';
import { readAsk } from './read-ask.ts';
import { type Run, refuseAsk, runRecorded } from './run-recorded.ts';
import { stillGood } from './still-good.ts';

/** Where the answer goes, and how the bytes get to the app. */
interface Exchange {
  readonly kind: 'request' | 'upgrade';
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Answers `Expect: 100-continue`; called once the gates are passed. */
  readonly goOn: () => void;
  readonly forward: (options: ForwardOptions) => Forwarding;
}

const defaultFirstByteMs = 300 * second;
const guardHead = createHeadGuard();

export function handleRequest(parts: DataParts, req: IncomingMessage, res: ServerResponse, expects: boolean): void {
  answer(parts, {
    kind: 'request',
    req,
    res,
    goOn: () => {
      if (expects) res.writeContinue();
    },
    forward: (options) => startForward(req, res, options),
  });
}

/** For requests that `isWebSocketUpgrade` accepted (P21). */
export function handleUpgrade(parts: DataParts, req: IncomingMessage, socket: Duplex, head: Buffer): void {
  const res = responseOnSocket(req, socket);
  const forward = (options: ForwardOptions) => forwardUpgrade(req, socket, head, options);
  answer(parts, { kind: 'upgrade', req, res, goOn: () => {}, forward });
}

function answer(parts: DataParts, exchange: Exchange): void {
  const { req, res } = exchange;
  const trace = traceOf(req);
  const fail = (error: unknown) => {
    parts.log.error({ err: error, trace }, 'a request failed inside the gateway');
    if (res.headersSent) res.destroy();
    else answerProblem(req, res, asPosternError(error), trace);
  };
  try {
    handle(parts, exchange, trace)?.catch(fail);
  } catch (error) {
    fail(error);
  }
}

/** A promise only for what is no access. */
function handle(parts: DataParts, exchange: Exchange, trace: string): Promise<void> | undefined {
  const { kind, req, res } = exchange;
  // One moment for the gates, the record and the identity: until the record is written, nothing waits.
  const at = parts.time();
  const ask = readAsk(kind, req, parts, at);
  const wrong = guardHead(req, res);
  if (wrong !== undefined) {
    const error = refuseAsk(parts, ask, { code: 'request-refused', extra: { reason: wrong } }, trace);
    answerProblem(req, res, error, trace);
    return undefined;
  }
  if (isOwnPath(ask.url)) return answerOwnPath(parts, ask, exchange, trace);

  const refusal = passGates(ask, parts.state(), at);
  if (refusal !== undefined) {
    answerProblem(req, res, refuseAsk(parts, ask, refusal, trace), trace);
    return undefined;
  }
  runRecorded(parts, ask, {
    trace,
    at,
    start: (current) => {
      exchange.goOn();
      return exchange.forward(forwardOptions(parts, ask, current, req, { trace, at }));
    },
    onEnd: ({ error }) => {
      if (error === undefined) return;
      try {
        answerProblem(req, res, error, trace);
      } catch (thrown) {
        // Nobody else would end it.
        res.destroy();
        throw thrown;
      }
    },
  });
  return undefined;
}

/** In both forms of the target. Other spellings of these paths are refused by the canonical-request gate. */
function isOwnPath(url: string): boolean {
  const path = url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?]*/i, '');
  return path.startsWith(ownPathPrefix) || path === ownPathPrefix.slice(0, -1);
}

function forwardOptions(
  parts: DataParts,
  ask: Ask,
  run: Run,
  req: IncomingMessage,
  { trace, at }: { readonly trace: string; readonly at: number },
): ForwardOptions {
  const { canonical, claims } = ask.found as Required<Ask['found']>;
  const app = ask.found.app as HttpApp;
  const { pool, origin, servername } = parts.pools.of(app);
  const { limits } = app;
  const identity = parts.identity.mint(claims, at);
  const { rawHeaders } = req;
  return {
    dispatcher: pool,
    origin,
    servername,
    // HEAD is judged as GET and sent as HEAD.
    method: ask.method,
    path: targetOf(canonical),
    headers: appHeaders({
      app,
      rawHeaders,
      canonical,
      claims,
      identity,
      address: ask.address,
      via: parts.state().gateway,
    }),
    timeouts: {
      connectMs: limits?.connectMs ?? defaultConnectMs,
      firstByteMs: limits?.firstByteMs ?? defaultFirstByteMs,
      idleMs: limits?.idleMs ?? 0,
    },
    maxBodyBytes: limits?.maxBodyBytes,
    beforeSend: () => stillGood(parts, run.entry),
    onBytes: (direction, bytes) => run.onBytes(direction, bytes),
    onEnd: (outcome) => run.onEnd(outcome),
    responseHeaders: (_status, headers) => {
      headers.push(traceHeader, trace);
      return headers;
    },
  };
}
