/**
 * Who was let in by a kernel door, as the process that takes the connections knows it: should the table be gone for a moment, a
 * connection of anybody else is still ended without a byte. By the steady clock: a clock that is set opens nothing for longer.
 */
import type { Server, Socket } from 'node:net';
import { type Clock, second, steadyOf } from '../../base/clock.ts';
import { plainAddress } from '../../base/plain-address.ts';

/** What another process of the same door must know. */
export type LetInChange =
  /** The ports that are shut: none when there is no door. */
  | { readonly shut: readonly number[] }
  /** 0 ms: not any longer. */
  | { readonly source: string; readonly port: number; readonly forMs: number };

/** A handshake that began in time may end, and be taken up here, a little later. */
const handshakeMs = 10 * second;

export class LetIns {
  readonly #steady: Clock;
  readonly #onCameIn: () => void;
  /** Until when, by source and port. */
  readonly #until = new Map<string, number>();
  #shut: readonly number[] = [];

  /** `onCameIn`: a connection came in by a knock. */
  constructor(clock: Clock, onCameIn: () => void = () => {}) {
    this.#steady = steadyOf(clock);
    this.#onCameIn = onCameIn;
  }

  apply(change: LetInChange): void {
    if ('shut' in change) {
      this.#shut = change.shut;
      if (change.shut.length === 0) this.#until.clear();
      return;
    }
    const { source, port, forMs } = change;
    if (forMs <= 0) {
      this.#until.delete(nameOf(source, port));
      return;
    }
    this.#until.set(nameOf(source, port), this.#steady.now() + forMs + handshakeMs);
  }

  /** Whether this source knocked for this port, or is this host itself, or there is no door at this port. */
  admits(source: string, port: number): boolean {
    return !this.#shut.includes(port) || isOwn(source) || this.#isLetIn(source, port);
  }

  /** Asks about each connection of `server`. To be called after everything else that listens for them. */
  guard(server: Server): void {
    const inner = server.listeners('connection') as ((socket: Socket) => void)[];
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      const { remoteAddress: source, localPort: port } = socket;
      // Gone before it could be asked, or not let in.
      if (source === undefined || port === undefined || !this.admits(source, port)) {
        socket.on('error', () => {}).destroy();
        return;
      }
      if (this.#isLetIn(source, port)) this.#onCameIn();
      for (const listener of inner) listener.call(server, socket);
    });
  }

  forgetOld(): void {
    const now = this.#steady.now();
    for (const [name, until] of this.#until) if (until <= now) this.#until.delete(name);
  }

  /** What a process that starts now must hear. */
  all(): LetInChange[] {
    const now = this.#steady.now();
    const known = [...this.#until].map(([name, until]) => {
      const [source = '', port] = name.split(' ');
      return { source, port: Number(port), forMs: Math.max(1, until - now - handshakeMs) };
    });
    return [{ shut: this.#shut }, ...known];
  }

  #isLetIn(source: string, port: number): boolean {
    const until = this.#until.get(nameOf(source, port));
    return until !== undefined && until > this.#steady.now();
  }
}

const nameOf = (source: string, port: number): string => `${plainAddress(source)} ${port}`;

function isOwn(source: string): boolean {
  const address = plainAddress(source);
  return address === '::1' || address.startsWith('127.');
}
