/**
 * A second port with the prelude door alone, beside ports that a kernel door keeps: for networks through which no knock by UDP
 * comes, and for HTTP proxies, whose address cannot knock. Strangers can see that something listens there, and read nothing.
 */
import { createServer, type Server } from 'node:net';
import { listenTcp } from '../listen.ts';
import type { PreludeDoor } from './prelude-door.ts';

export class OpenPort {
  readonly #server: Server;

  constructor(door: PreludeDoor) {
    this.#server = createServer({ noDelay: true }, (socket) => door.meet(socket));
  }

  /** Throws as `listenTcp`. */
  async listen(at: { readonly host: string; readonly port: number }): Promise<void> {
    await listenTcp(this.#server, at);
  }

  /** Takes no more connections; those that came in are of the servers behind the door. */
  stop(): void {
    this.#server.close();
  }
}

/** Complaints about a configuration. */
export function openPortComplaints(
  { prelude, ...others }: Readonly<Record<string, number | string>>,
  hasPrelude: boolean,
): string[] {
  if (prelude === 0) return [];
  const taken = Object.entries(others).find(([, port]) => port === prelude);
  return [
    ...(hasPrelude ? [] : ['listen.prelude: wants a prelude door (door: prelude or both)']),
    ...(taken === undefined ? [] : [`listen.prelude: is the port of listen.${taken[0]}`]),
  ];
}
