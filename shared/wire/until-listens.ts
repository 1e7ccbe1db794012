/** Waits for a program that is being started. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { PosternError } from '../base/errors.ts';

const pauseMs = 100;

/** Resolves when something takes connections at a Unix socket. Throws `unreachable` after `patienceMs`. */
export async function untilListens(path: string, patienceMs: number): Promise<void> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const socket = connect({ path });
    try {
      await once(socket, 'connect');
      return;
    } catch (cause) {
      if (performance.now() >= end) throw new PosternError('unreachable', `nothing answers at ${path}`, { cause });
    } finally {
      socket.destroy();
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
