/** Bytes through TLS tunnels as fast as they go, in one direction at a time. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { answerCalls } from './child.ts';
import { askRaw, connectHead, deviceTls, dialWith } from './device.ts';
import { cpuNanos } from './processors.ts';

const warmMs = 300;
const block = Buffer.alloc(256 * 1024, 'y');

function send(socket: TLSSocket): void {
  while (socket.writable && socket.write(block));
  socket.once('drain', () => send(socket));
}

const calls = {
  /** `grant`: to ask for a tunnel with; none when the port is the tunnel. */
  async run(order: {
    readonly dir: string;
    readonly port: number;
    readonly grant: string | undefined;
    readonly direction: 'up' | 'down';
    readonly tunnels: number;
    readonly ms: number;
    readonly pid: number;
  }): Promise<{ bytes: number; ms: number; cpuNs: number }> {
    const tls = deviceTls(order.dir);
    const sockets: TLSSocket[] = [];
    for (let n = 0; n < order.tunnels; n++) {
      const socket = await dialWith(tls, order.port);
      socket.on('error', () => {});
      if (order.grant !== undefined) await askRaw(socket, connectHead(order.grant), 200);
      sockets.push(socket);
    }
    let received = 0;
    for (const socket of sockets) {
      socket.on('data', (chunk: Buffer) => {
        received += chunk.length;
      });
      socket.write(order.direction === 'up' ? 'u' : 'd');
      if (order.direction === 'up') setImmediate(send, socket);
    }
    // What is still in our own buffers has not gone anywhere.
    const moved = () =>
      order.direction === 'down' ? received : sockets.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
    await sleep(warmMs);
    const before = { at: performance.now(), bytes: moved(), cpu: cpuNanos([order.pid]) };
    await sleep(order.ms);
    const measured = {
      bytes: moved() - before.bytes,
      ms: performance.now() - before.at,
      cpuNs: cpuNanos([order.pid]) - before.cpu,
    };
    for (const socket of sockets) socket.destroy();
    if (measured.bytes === 0) throw new Error('nothing moved');
    return measured;
  },
};
export type TunnelLoadCalls = typeof calls;
answerCalls(calls);
