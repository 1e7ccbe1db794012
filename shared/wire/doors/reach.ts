/** How a connection to a server comes about, up to and with what makes it safe: the TLS handshake. */
import type { Socket } from 'node:net';

export interface Place {
  readonly host: string;
  readonly port: number;
}

export interface Destroyable {
  destroy(): unknown;
}

/** Rejects when its signal aborts, and takes no notice of it after. Destroys `raw` when it rejects. */
export type Secure<T extends Destroyable> = (raw: Socket, signal: AbortSignal) => Promise<T>;

export interface ReachOrder extends Place {
  readonly signal: AbortSignal;
  /** Milliseconds until the signal aborts, where that is soon: every way gets its share of it. */
  readonly withinMs?: number | undefined;
}

export interface Reach {
  /** Rejects with `NotReached`, with `peer-refused` around it where a server was not who it should be, or the signal's reason when nothing was tried to its end. */
  connect<T extends Destroyable>(to: ReachOrder, secure: Secure<T>): Promise<T>;
}
