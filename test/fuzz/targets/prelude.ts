/** First bytes of connections at the real prelude door, without sockets: as many as there is time for. */

import { Server as NetServer, type Server, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type fc from 'fast-check';
import { openFuzzedPrelude, preludeCases, type Visitor } from '../prelude-cases.ts';
import type { FuzzTarget, OpenTarget } from '../target.ts';

let made = 0;

/** The door's end of a connection. */
class DoorEnd extends Duplex implements Visitor {
  readonly remoteAddress = '192.0.2.7';
  readonly localAddress = '192.0.2.1';
  readonly localPort = 443;
  readonly remotePort: number;
  answered = 0;
  readonly gone: Promise<void>;

  constructor() {
    super({ autoDestroy: true });
    made = (made + 1) % 60_000;
    this.remotePort = 1024 + made;
    this.gone = new Promise((resolve) => this.once('close', () => resolve()));
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.answered += chunk.length;
    done();
  }

  send(piece: Uint8Array): void {
    // An empty piece would be no news to a socket either.
    if (!this.destroyed && piece.length > 0) this.push(piece);
  }

  override end(): this {
    if (!this.destroyed) this.push(null);
    return this;
  }

  reset(): void {
    this.destroy();
  }
}

export const prelude: FuzzTarget = {
  name: 'prelude',
  about: 'first bytes of connections at the prelude door: nothing comes back, and only good knocks lead on',
  block: 4000,
  async open() {
    const servers = { patient: new NetServer(), hasty: new NetServer() } satisfies Record<string, Server>;
    const { guard, judge, settle, stop } = openFuzzedPrelude(async (door) => {
      const end = new DoorEnd();
      servers[door].emit('connection', end as unknown as Socket);
      return end;
    });
    guard(servers.patient, 'patient');
    guard(servers.hasty, 'hasty');
    return { cases: preludeCases as fc.Arbitrary<never>, judge, settle, close: stop } as OpenTarget<never>;
  },
};
