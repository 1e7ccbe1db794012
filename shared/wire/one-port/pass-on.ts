/**
 * Hands a connection whose knock is for nobody here to the controller of the same host (P28): its ends, its knock and what came with
 * it go over the shared socket. The controller judges as if it had taken the connection itself, and says with one byte that it
 * takes it; a close without one is its silence, and becomes ours.
 */
import { connect, type Socket } from 'node:net';
import { type Pipe, startPipe } from '../pipe-sockets.ts';
import { writeProxyHeader } from './proxy-header.ts';

/** What the controller says of a connection that it takes. */
export const taken = 1;

/** `nobody`: there is no controller to ask. */
export type Passed = 'taken' | 'refused' | 'nobody';

export class PassOn {
  readonly #path: string;
  readonly #pipes = new Set<Pipe>();

  constructor(path: string) {
    this.#path = path;
  }

  /** Connections that run. */
  get size(): number {
    return this.#pipes.size;
  }

  /**
   * `bytes`: all that was read of `socket` so far. Waits as long as `socket` is there, whose time is its owner's business. Once it is
   * `taken`, `carry` begins; until then nothing is read of `socket`.
   */
  async pass(socket: Socket, bytes: Buffer): Promise<{ readonly passed: Passed; readonly carry: () => void }> {
    const { remoteAddress, remotePort, localAddress, localPort } = socket;
    const header = writeProxyHeader({
      remote: { address: remoteAddress ?? '', port: remotePort ?? 0 },
      local: { address: localAddress ?? '', port: localPort ?? 0 },
    });
    if (header === undefined) return { passed: 'refused', carry: () => {} };
    const upstream = connect({ path: this.#path });
    const gone = () => upstream.destroy();
    socket.once('close', gone);
    upstream.write(Buffer.concat([header, bytes]));
    const passed = await answerOf(upstream);
    socket.off('close', gone);
    if (passed !== 'taken' || socket.destroyed) upstream.destroy();
    return { passed, carry: () => this.#carry(socket, upstream) };
  }

  stop(): void {
    for (const pipe of this.#pipes) pipe.cut();
  }

  #carry(socket: Socket, upstream: Socket): void {
    const pipe = startPipe(socket, upstream);
    this.#pipes.add(pipe);
    void pipe.done.then(() => this.#pipes.delete(pipe));
  }
}

function answerOf(upstream: Socket): Promise<Passed> {
  return new Promise((resolve) => {
    let isThere = false;
    const read = () => {
      const first: Buffer | null = upstream.read(1);
      if (first === null) return;
      upstream.off('readable', read);
      resolve(first[0] === taken ? 'taken' : 'refused');
    };
    upstream
      .on('error', () => {})
      .once('connect', () => (isThere = true))
      .once('close', () => resolve(isThere ? 'refused' : 'nobody'))
      .on('readable', read);
  });
}
