/** Takes connections that the gateway of the same host hands over, and treats them as its own: the same door, the same limits. */
import { createServer, type Server, type Socket } from 'node:net';
import { second } from '../../base/clock.ts';
import type { PreludeDoor } from '../doors/prelude-door.ts';
import { listenUnix } from '../listen.ts';
import { giveEnds } from './give-ends.ts';
import { taken } from './pass-on.ts';
import { proxyHeaderBytes, readProxyHeader } from './proxy-header.ts';
import { connectionsSocket, socketMode } from './share-place.ts';

/** The header comes in one write with the knock. */
const headerMs = 2 * second;

export class TakeOver {
  readonly #door: Pick<PreludeDoor, 'meet'>;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(door: Pick<PreludeDoor, 'meet'>) {
    this.#door = door;
    this.#server = createServer((socket) => this.#take(socket));
  }

  /** Throws as `listenUnix`. */
  async listen(dir: string): Promise<void> {
    await listenUnix(this.#server, connectionsSocket(dir), socketMode);
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #take(socket: Socket): void {
    const timer = setTimeout(() => socket.destroy(), headerMs);
    const read = () => {
      const bytes: Buffer | null = socket.read(proxyHeaderBytes);
      if (bytes === null) return;
      clearTimeout(timer);
      socket.off('readable', read).off('end', end);
      const ends = readProxyHeader(bytes);
      if (ends === undefined || !giveEnds(socket, ends)) {
        socket.destroy();
        return;
      }
      this.#door.meet(socket, () => socket.write(Buffer.of(taken)));
    };
    const end = () => socket.destroy();
    this.#sockets.add(socket);
    socket.once('close', () => {
      clearTimeout(timer);
      this.#sockets.delete(socket);
    });
    socket
      .on('error', () => {})
      .on('end', end)
      .on('readable', read);
  }
}
