/** Whether the client of a connection that nobody reads yet is still there. */
import type { Duplex } from 'node:stream';

/** It has ended its side, or the connection is closed. Node tells 'end' once: who asks later finds it here. */
export function hasGone(socket: Duplex): boolean {
  return socket.readableEnded || socket.destroyed;
}

/**
 * Calls `onGone` once when the client goes; at once when it has gone. Reads no further than one buffer: behind bytes that wait
 * in it an end is not seen. Returns the way to stop watching, to be called before the end of one side means something else.
 */
export function watchGone(socket: Duplex, onGone: () => void): () => void {
  const stop = () => {
    socket.off('end', gone);
    socket.off('close', gone);
  };
  const gone = () => {
    stop();
    onGone();
  };
  socket.on('end', gone);
  socket.on('close', gone);
  if (hasGone(socket)) gone();
  // A socket that nobody reads does not notice that its client has gone.
  else if (socket.readableLength === 0) socket.read(0);
  return stop;
}
