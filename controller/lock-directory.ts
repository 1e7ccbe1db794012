/** One controller at a time in a state directory: a socket that only the living hold, so that a killed one leaves no lock. */
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Stoppable } from '#shared/base/lifecycle.ts';
import { listenUnix } from '#shared/wire/listen.ts';

/** Throws `conflict` while another process has it. */
export async function lockDirectory(dir: string): Promise<Stoppable> {
  const server = createServer((socket) => socket.destroy());
  await listenUnix(server, join(dir, 'lock.sock'));
  return { stop: () => new Promise<void>((resolve) => void server.close(() => resolve())) };
}
