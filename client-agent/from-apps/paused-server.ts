/** A TCP server whose connections are not read until somebody has looked at whose they are. */
import { createServer, type Server, type Socket } from 'node:net';

const maxConnections = 2048;

/** `open` holds its connections while they last. */
export function makePausedServer(open: Set<Socket>, onSocket: (socket: Socket) => void): Server {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    // 'close' follows; before that nobody else listens for errors.
    socket.on('error', ignore);
    onSocket(socket);
  });
  server.maxConnections = maxConnections;
  return server;
}

export async function closePausedServers(servers: readonly Server[], open: ReadonlySet<Socket>): Promise<void> {
  const closed = Promise.all(servers.map(closeServer));
  for (const socket of open) socket.destroy();
  await closed;
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    if (server.listening) server.close(() => resolve());
    else resolve();
  });
}

function ignore(): void {}
