/** A TCP connection whose first bytes are a knock. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** What comes before TLS on a connection to a hidden server. */
export interface KnockSource {
  /** A fresh one for each connection. */
  prelude(): Promise<Buffer>;
  /** The connection ended before TLS was there: the next knock must be above whatever the door may have kept ahead. */
  silence(): void;
}

export interface DialOrder {
  readonly host: string;
  readonly port: number;
  readonly signal: AbortSignal;
}

/** The knock is on its way when this resolves; TLS may follow at once. Rejects as `connect` does, or with the signal's reason. */
export async function dialThrough(source: KnockSource, { host, port, signal }: DialOrder): Promise<Socket> {
  const prelude = await source.prelude();
  const socket = connect({ host, port, noDelay: true, signal });
  try {
    await once(socket, 'connect');
  } catch (error) {
    socket.destroy();
    throw signal.aborted ? signal.reason : error;
  }
  // What goes wrong later is told by the TLS socket around it.
  socket.on('error', () => {});
  socket.write(prelude);
  return socket;
}

/** Whether a connection ended as one does that a door has closed. */
export function isSilence(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null | undefined)?.code;
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'UND_ERR_SOCKET';
}
