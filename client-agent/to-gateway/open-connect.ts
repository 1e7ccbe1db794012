/** A tunnel through a gateway: CONNECT over its own TLS connection. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { second, systemClock } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { request } from '#shared/base/node-http.ts';
import { grantHeader, traceHeader } from '#shared/contracts/agent-to-gateway.ts';
import { asCallError } from '#shared/wire/call-errors.ts';
import { lapseConnection } from '#shared/wire/connection-lapse.ts';
import { legFailuresOf } from '#shared/wire/doors/leg-failure.ts';
import type { Reach } from '#shared/wire/doors/reach.ts';
import { secureTls } from '#shared/wire/doors/secure-tls.ts';
import { readRefusal, tellNotReached } from './read-outcome.ts';

export interface ConnectOrder {
  readonly host: string;
  readonly port: number;
  readonly tls: ConnectionOptions;
  readonly reach: Reach;
  /** `host:port` of the TCP app: what is asked for. */
  readonly target: string;
  readonly grant: string;
  readonly trace: string;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
}

export type Connected = { readonly socket: Duplex } | { readonly refused: PosternError };

const maxRefusal = 64 * 1024;
const usualTimeoutMs = 15 * second;

/** Rejects only with the reason of the signal. */
export async function openConnect(order: ConnectOrder): Promise<Connected> {
  const { signal } = order;
  signal?.throwIfAborted();
  const limit = AbortSignal.timeout(order.timeoutMs ?? usualTimeoutMs);
  const either = signal === undefined ? limit : AbortSignal.any([signal, limit]);
  let socket: TLSSocket | undefined;
  try {
    const { host, port, tls, reach } = order;
    socket = await reach.connect(
      { host, port, signal: either },
      secureTls(() => ({ ...tls, ALPNProtocols: undefined })),
    );
    return await ask(socket, order, either);
  } catch (error) {
    socket?.on('error', () => {}).destroy();
    if (signal?.aborted) throw signal.reason;
    if (limit.aborted && legFailuresOf(error).length === 0)
      return { refused: new PosternError('unreachable', 'the gateway did not answer in time') };
    const refused = asCallError('connect', error);
    if (legFailuresOf(error).length === 0) return { refused };
    return { refused: new PosternError(refused.code, refused.message, { tell: tellNotReached(error), cause: error }) };
  }
}

function ask(socket: TLSSocket, order: ConnectOrder, signal: AbortSignal): Promise<Connected> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => {
      signal.removeEventListener('abort', onAbort);
      req.destroy();
      reject(error);
    };
    const onAbort = () => fail(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', fail);
    // P2: not longer than the certificate that the gateway proved itself by.
    const leaf = socket.getPeerX509Certificate();
    if (leaf !== undefined) lapseConnection(socket, Date.parse(leaf.validTo), systemClock);
    const req: ClientRequest = request({
      method: 'CONNECT',
      path: order.target,
      headers: { host: order.target, [grantHeader]: order.grant, [traceHeader]: order.trace },
      createConnection: () => socket,
    });
    req.once('error', fail);
    req.once('connect', (response: IncomingMessage, tunnel: Duplex, head: Buffer) => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', fail);
      if (response.statusCode === 200) {
        if (head.length > 0) tunnel.unshift(head);
        resolve({ socket: tunnel });
        return;
      }
      const length = Number(response.headers['content-length'] ?? maxRefusal);
      readBody(tunnel, head, Math.min(length, maxRefusal)).then(
        (body) => resolve({ refused: readRefusal(response.rawHeaders, body) }),
        reject,
      );
    });
    req.end();
  });
}

/** Ends with its length, or with the connection, which the gateway closes after a refused CONNECT. */
async function readBody(socket: Duplex, head: Buffer, length: number): Promise<string> {
  const chunks = [head];
  let size = head.length;
  try {
    if (size < length) {
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        size += chunk.length;
        if (size >= length) break;
      }
    }
  } catch {
    // Reset behind the answer: what came is enough, the head holds the code.
  }
  socket.destroy();
  return Buffer.concat(chunks).toString('utf8');
}
