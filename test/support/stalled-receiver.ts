/** A receiver of syslog over TCP (RFC 6587, octet counting) that reads when it is told to, and else not a byte: the window fills. */

import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import type { Test } from 'tap';

export interface StalledReceiver {
  readonly port: number;
  /** Connections that were made to it. */
  connections(): number;
  /** The messages of connections that ended whole, and of those that are open, by the id that `idOf` finds. */
  readonly taken: ReadonlyMap<string, number>;
  /** From now on it reads, or does not. */
  read(whether: boolean): void;
}

export async function startStalledReceiver(t: Test, idOf: (message: string) => string): Promise<StalledReceiver> {
  const sockets = new Set<Socket>();
  const taken = new Map<string, number>();
  let isReading = false;
  let connections = 0;
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    connections += 1;
    sockets.add(socket);
    let bytes = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (;;) {
        const space = bytes.indexOf(0x20);
        const end = space + 1 + Number(bytes.toString('latin1', 0, Math.max(0, space)));
        if (space < 0 || bytes.length < end) return;
        const id = idOf(bytes.toString('utf8', space + 1, end));
        taken.set(id, (taken.get(id) ?? 0) + 1);
        bytes = bytes.subarray(end);
      }
    });
    socket.on('end', () => socket.end());
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    if (!isReading) socket.pause();
    else socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    taken,
    read(whether) {
      isReading = whether;
      for (const socket of sockets)
        if (whether) socket.resume();
        else socket.pause();
    },
  };
}
