/** A TCP app: the first byte says what for. `d`: sends until the other side has gone; `u`: swallows; `t`: says a byte and waits. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { answerCalls } from './child.ts';

const block = Buffer.alloc(256 * 1024, 'x');

function send(socket: Socket): void {
  while (socket.writable && socket.write(block));
  socket.once('drain', () => send(socket));
}

const calls = {
  async start(_: null): Promise<{ port: number }> {
    const server = createServer({ noDelay: true }, (socket) => {
      socket.on('error', () => {});
      socket.once('data', ([kind]) => {
        if (kind === 'd'.charCodeAt(0)) send(socket);
        if (kind === 't'.charCodeAt(0)) socket.write('t');
        socket.on('data', () => {});
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { port: (server.address() as AddressInfo).port };
  },
};
export type TunnelAppCalls = typeof calls;
answerCalls(calls);
