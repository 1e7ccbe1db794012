/** Small apps behind a gateway under test. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net';
import { WebSocketServer } from 'ws';
import type { App } from '#shared/contracts/app.ts';

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** `/events` streams until it is closed, `/socket` echoes, everything else tells what it saw. */
export async function startWebApp() {
  const seen: Seen[] = [];
  const open = new Set<ServerResponse>();
  const server = createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req) body += chunk;
    seen.push({ method: req.method ?? '', url: req.url ?? '', headers: req.headers, body });
    if (req.url === '/events') {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write('data: 1\n\n');
      open.add(res);
      res.on('close', () => open.delete(res));
      return;
    }
    res.writeHead(200, { 'content-type': 'text/plain', 'postern-verdict': 'forged', 'x-app': 'yes' });
    res.end(`saw ${req.method} ${req.url}`);
  });
  const sockets = new WebSocketServer({ server, path: '/socket' });
  sockets.on('connection', (socket) => {
    socket.on('error', () => {});
    socket.on('message', (data) => socket.send(`echo ${data}`));
  });
  const port = await listen(server);
  return {
    port,
    seen,
    open,
    sockets,
    async stop() {
      for (const client of sockets.clients) client.terminate();
      server.closeAllConnections();
      await close(server);
    },
  };
}

export async function startTcpEcho() {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.pipe(socket);
  });
  const port = await listen(server);
  return {
    port,
    sockets,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await close(server);
    },
  };
}

export function httpApp(port: number, changes: Record<string, unknown> = {}): App {
  return {
    id: 'wiki',
    name: 'Wiki',
    kind: 'http',
    site: 'main',
    hosts: ['wiki.corp.example'],
    upstream: `http://127.0.0.1:${port}`,
    ...changes,
  } as App;
}

export function tcpApp(port: number, changes: Record<string, unknown> = {}): App {
  return {
    id: 'db',
    name: 'Database',
    kind: 'tcp',
    site: 'main',
    host: 'db.corp.example',
    port: 5432,
    upstream: `127.0.0.1:${port}`,
    ...changes,
  } as App;
}

async function listen(server: Server | TcpServer): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const close = (server: Server | TcpServer) => new Promise<void>((resolve) => server.close(() => resolve()));
