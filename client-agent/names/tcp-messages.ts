/** Messages over TCP: two bytes of length before each (RFC 1035 section 4.2.2, RFC 7766). */
import type { Socket } from 'node:net';

/** Calls `onMessage` for each whole message. A message of more than `max` bytes, or of none, ends the connection. */
export function takeMessages(socket: Socket, max: number, onMessage: (message: Buffer) => void): void {
  let kept: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    kept = kept.length === 0 ? chunk : Buffer.concat([kept, chunk]);
    while (kept.length >= 2) {
      const length = kept.readUInt16BE(0);
      if (length === 0 || length > max) {
        socket.destroy();
        return;
      }
      if (kept.length < 2 + length) break;
      const message = kept.subarray(2, 2 + length);
      kept = kept.subarray(2 + length);
      onMessage(message);
      if (socket.destroyed) return;
    }
  });
}

export function withLength(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length, 0);
  return Buffer.concat([length, message]);
}
