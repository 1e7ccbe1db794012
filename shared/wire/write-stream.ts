/** The server's side of a long stream, with an end to what may pile up for a reader that does not read. */
import type { ServerResponse } from 'node:http';

export interface StreamWriter {
  /** False when the connection is closed, or was cut just now because more than `maxBuffered` bytes wait. */
  write(text: string): boolean;
  /** Resolves when little waits or the connection is closed: for writers that can wait. */
  drained(): Promise<void>;
  /** Resolves when the connection has ended, by whichever side. A handler awaits it to stay in the stream. */
  readonly closed: Promise<void>;
  end(): void;
}

const maxBufferedUsual = 64 * 1024 * 1024;

export function writeStream(
  response: ServerResponse,
  { maxBuffered = maxBufferedUsual }: { readonly maxBuffered?: number } = {},
): StreamWriter {
  const closed = new Promise<void>((resolve) => {
    if (response.closed || response.destroyed) resolve();
    else response.once('close', () => resolve());
  });
  // A reset by the peer is an ordinary end of a long stream: `closed` tells it.
  response.on('error', () => {});
  return {
    closed,
    write(text) {
      if (response.destroyed || response.writableEnded) return false;
      response.write(text);
      if (response.writableLength <= maxBuffered) return true;
      response.destroy();
      return false;
    },
    async drained() {
      if (!response.writableNeedDrain || response.destroyed) return;
      await Promise.race([closed, new Promise<void>((resolve) => response.once('drain', resolve))]);
    },
    end() {
      if (!response.writableEnded) response.end();
    },
  };
}
