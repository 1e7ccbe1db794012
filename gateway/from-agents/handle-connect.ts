/** A CONNECT tunnel to a TCP app: the same gates and records as a request, then bytes both ways (P21). */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { asPosternError, PosternError } from '#shared/base/errors.ts';
import { traceHeader } from '#shared/contracts/agent-to-gateway.ts';
import type { TcpApp } from '#shared/contracts/app.ts';
import { releaseSocket, responseOnSocket } from '#shared/wire/forward-socket-response.ts';
import type { Forwarding, ForwardOutcome } from '#shared/wire/forward-types.ts';
import { type Pipe, startPipe } from '#shared/wire/pipe-sockets.ts';
import { traceOf } from '#shared/wire/problem-reply.ts';
import { checkRequestHead } from '#shared/wire/request-head.ts';
import { passGates } from '../gates/index.ts';
import { tcpConnect } from '../to-apps/tcp-connect.ts';
import { defaultConnectMs } from '../to-apps/upstream-pools.ts';
import { answerProblem } from './answer-problem.ts';
import type { DataParts } from './data-parts.ts';
import { readAsk } from './read-ask.ts';
import { type Run, refuseAsk, runRecorded } from './run-recorded.ts';
import { stillGood } from './still-good.ts';

export function handleConnect(parts: DataParts, req: IncomingMessage, socket: Duplex, head: Buffer): void {
  const trace = traceOf(req);
  const answer = (error: PosternError) => answerProblem(req, responseOnSocket(req, socket), error, trace);
  // Until somebody else listens: a reset must not end the process.
  socket.on('error', () => {});
  handle(parts, { req, socket, head, trace }).then(
    (error) => {
      if (error !== undefined) answer(error);
    },
    (error: unknown) => {
      parts.log.error({ err: error, trace }, 'a tunnel failed inside the gateway');
      socket.destroy();
    },
  );
}

interface Tunnel {
  readonly req: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly trace: string;
}

/** The error to answer with, when no tunnel came about. */
async function handle(parts: DataParts, tunnel: Tunnel): Promise<PosternError | undefined> {
  const { req, trace } = tunnel;
  const at = parts.time();
  const ask = readAsk('connect', req, parts, at);
  const wrong = checkRequestHead(req);
  if (wrong !== undefined) {
    return refuseAsk(parts, ask, { code: 'request-refused', extra: { reason: wrong } }, trace);
  }
  const refusal = passGates(ask, parts.state(), at);
  if (refusal !== undefined) return refuseAsk(parts, ask, refusal, trace);
  const app = ask.found.app as TcpApp;
  let piped = false;
  const start = (run: Run) => {
    const tunnelling = openTunnel(app, tunnel, {
      onBytes: (direction, bytes) => run.onBytes(direction, bytes),
      refusal: () => stillGood(parts, run.entry),
      onPiped: () => {
        piped = true;
      },
    });
    void tunnelling.done.then((outcome) => run.onEnd(outcome));
    return tunnelling;
  };
  const { error } = await new Promise<ForwardOutcome>((onEnd) => runRecorded(parts, ask, { trace, at, start, onEnd }));
  return piped ? undefined : error;
}

interface TunnelHooks {
  readonly onBytes: (direction: 'up' | 'down', bytes: number) => void;
  /** Why nothing may be sent to the app any more; asked right before the dial and right before the pipe. */
  readonly refusal: () => PosternError | undefined;
  readonly onPiped: () => void;
}

function openTunnel(app: TcpApp, { req, socket, head, trace }: Tunnel, hooks: TunnelHooks): Forwarding {
  const dial = new AbortController();
  let pipe: Pipe | undefined;
  const onGone = () => dial.abort(new PosternError('stream-cut', 'the client went away'));
  socket.once('close', onGone);
  const run = async (): Promise<ForwardOutcome> => {
    const none = { bytesUp: 0, bytesDown: 0 };
    try {
      const early = hooks.refusal();
      if (early !== undefined) return { ended: 'refused', error: early, ...none };
      const upstream = await tcpConnect(app.upstream, app.limits?.connectMs ?? defaultConnectMs, dial.signal);
      const late = hooks.refusal();
      if (late !== undefined) {
        upstream.destroy();
        return { ended: 'refused', error: late, ...none };
      }
      hooks.onPiped();
      releaseSocket(socket);
      socket.write(`HTTP/1.1 200 Connection Established\r\n${traceHeader}: ${trace}\r\n\r\n`);
      // What came behind the head belongs to the tunnel.
      if (head.length > 0) socket.unshift(head);
      pipe = startPipe(socket, upstream, { idleMs: app.limits?.idleMs, onBytes: hooks.onBytes });
      return { status: 200, ...(await pipe.done) };
    } catch (error) {
      if (req.socket.destroyed) return { ended: 'client-abort', ...none };
      return { ended: 'refused', error: asPosternError(error), ...none };
    } finally {
      socket.off('close', onGone);
    }
  };
  return {
    done: run(),
    cut: (error) => (pipe === undefined ? dial.abort(error ?? new PosternError('stream-cut')) : pipe.cut(error)),
  };
}
