/** P2: a connection never outlives the certificate it was admitted by. */
import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';

/** Node fires a longer timer at once. */
const maxTimer = 2 ** 31 - 1;

/** Destroys `socket` at `notAfter` (milliseconds since the epoch, by `clock`). The timer keeps no process alive. */
export function lapseConnection(socket: Socket, notAfter: number, clock: Clock): void {
  if (socket.destroyed) return;
  let timer: NodeJS.Timeout;
  const check = () => {
    const left = notAfter - clock.now();
    // Asked again rather than trusted: the clock may have been set, and long lives need several timers.
    if (left <= 0) socket.destroy();
    else timer = setTimeout(check, Math.min(left, maxTimer)).unref();
  };
  socket.once('close', () => clearTimeout(timer));
  check();
}
