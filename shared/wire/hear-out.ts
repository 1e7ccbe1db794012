/**
 * An app may answer before it has read the whole body, and close: `401`, `413`. Our next write then fails while the answer
 * waits in our receive buffer, and Node destroys a socket at its first failed write, the answer with it. curl reads on; so
 * do we (RFC 9112 section 9.5).
 */
import type { Socket } from 'node:net';

type Done = (error?: Error | null) => void;
interface Writes {
  _write(chunk: unknown, encoding: BufferEncoding, done: Done): void;
  _writev?: ((chunks: unknown, done: Done) => void) | null;
}

/**
 * From now on a write that finds the peer gone counts as done. What is said next comes from reading: the answer and its
 * end, or, where the peer said nothing, the end or reset that the write has met.
 */
export function hearOut(socket: Socket): Socket {
  const writes = socket as unknown as Writes;
  const { _write: write, _writev: writev } = writes;
  writes._write = (chunk, encoding, done) => write.call(socket, chunk, encoding, forgiving(done));
  if (writev) writes._writev = (chunks, done) => writev.call(socket, chunks, forgiving(done));
  return socket;
}

function forgiving(done: Done): Done {
  return (error) => done(isPeerGone(error) ? null : error);
}

function isPeerGone(error: Error | null | undefined): boolean {
  const code = (error as NodeJS.ErrnoException | null | undefined)?.code;
  return code === 'EPIPE' || code === 'ECONNRESET';
}
