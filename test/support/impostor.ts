/** A TLS server that shows whatever certificate it is given and keeps every byte that it is sent. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { ProvenLeaf } from './bad-leaves.ts';

interface Test {
  teardown(close: () => unknown): void;
}

export type Impostor = Awaited<ReturnType<typeof startImpostor>>;

/** `tickets`: gives tickets that it would resume by, as our own servers never do. */
export async function startImpostor(t: Test, { tickets = false }: { readonly tickets?: boolean } = {}) {
  const sockets = new Set<TLSSocket>();
  let heard = '';
  let resumed = 0;
  const server = createServer({ minVersion: 'TLSv1.3', ...(tickets ? {} : { sessionTimeout: 1 }) }, (socket) => {
    sockets.add(socket);
    if (socket.isSessionReused()) resumed += 1;
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1');
      socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    });
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** The root goes along, as in our own servers: a first contact looks for the pinned one in what is presented. */
    show({ key, certificate, chain }: ProvenLeaf, bundle: readonly string[]): void {
      server.setSecureContext({
        key: key.export({ type: 'pkcs8', format: 'pem' }) as string,
        cert: [certificate, ...chain, ...bundle].join('\n'),
      });
    },
    /** What was sent since the last question. */
    heard(): string {
      const told = heard;
      heard = '';
      return told;
    },
    resumed: () => resumed,
    /** Resolves after that moment. */
    async allClosed(after: number): Promise<void> {
      for (const socket of sockets) socket.destroy();
      while (Date.now() <= after) await new Promise((resolve) => setTimeout(resolve, Math.max(1, after - Date.now())));
    },
  };
}
