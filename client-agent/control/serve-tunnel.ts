/** `CONNECT <app id>` on the control socket: the CLI's `connect` and `ssh-proxy`. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { newTrace } from '#shared/base/bytes.ts';
import { asPosternError } from '#shared/base/errors.ts';
import { traceHeader } from '#shared/contracts/agent-to-gateway.ts';
import { pipeSockets } from '#shared/wire/pipe-sockets.ts';
import { watchGone } from '#shared/wire/watch-gone.ts';
import type { Agent } from '../agent-api.ts';

export interface TunnelRequest {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** The header that says not to wait for the person: `Postern-Hold: no`. */
export const holdHeader = 'postern-hold';

/** Never rejects. */
export async function serveTunnel(agent: Agent, { request, socket, head }: TunnelRequest): Promise<void> {
  const gone = new AbortController();
  socket.on('error', () => {});
  // It waits to be told that the tunnel is open: one that ends before that has gone.
  const unwatch = watchGone(socket, () => gone.abort(new Error('the client went away')));
  const given = request.headers[traceHeader];
  const trace = typeof given === 'string' && /^[0-9a-f]{32}$/.test(given) ? given : newTrace();
  agent.activity();
  try {
    const tunnel = await agent.traffic.openTunnel({
      app: request.url ?? '',
      trace,
      hold: request.headers[holdHeader] !== 'no',
      signal: gone.signal,
    });
    unwatch();
    socket.write(`HTTP/1.1 200 Connection Established\r\n${traceHeader}: ${trace}\r\n\r\n`);
    if (head.length > 0) socket.unshift(head);
    const onBytes = (direction: 'up' | 'down') => {
      if (direction === 'up') agent.activity();
    };
    await pipeSockets(socket, tunnel, { onBytes });
  } catch (thrown) {
    if (gone.signal.aborted) {
      socket.destroy();
      return;
    }
    const error = asPosternError(thrown);
    const body = JSON.stringify(error.toProblem(trace));
    socket.end(
      `HTTP/1.1 ${error.status} ${error.code}\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    );
  }
}
