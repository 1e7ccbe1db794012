/** An HTTP app whose answers do not end: a download that goes on, events, WebSockets. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { answerCalls } from './child.ts';

const everyMs = 1000;

function keepWriting(res: ServerResponse, piece: string | Buffer): void {
  res.write(piece);
  const timer = setInterval(() => res.write(piece), everyMs);
  res.on('close', () => clearInterval(timer));
}

const calls = {
  async start(_: null): Promise<{ port: number }> {
    const server = createServer((req, res) => {
      const isEvents = req.url === '/events';
      res.writeHead(200, { 'content-type': isEvents ? 'text/event-stream' : 'application/octet-stream' });
      keepWriting(res, isEvents ? 'data: 1\n\n' : Buffer.alloc(4096));
    });
    const sockets = new WebSocketServer({ server, path: '/websocket' });
    sockets.on('connection', (socket) => {
      socket.on('error', () => {});
      const timer = setInterval(() => socket.send('tick'), everyMs);
      socket.on('close', () => clearInterval(timer));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { port: (server.address() as AddressInfo).port };
  },
};
export type StreamAppCalls = typeof calls;
answerCalls(calls);
