/** P2: a connection never outlives the certificate it was admitted by. */
import type { Socket } from 'node:net';
import { type Clock, minute } from '../base/clock.ts';

/** A timer stands still while the machine sleeps and knows of no clock that was set: the clock is asked again this often. */
const longestWait = minute;

/** Destroys `socket` at `notAfter` (milliseconds since the epoch, by `clock`). The timer keeps no process alive. */
export function lapseConnection(socket: Socket, notAfter: number, clock: Clock): void {
  if (socket.destroyed) return;
  let timer: NodeJS.Timeout;
  const check = () => {
    const left = notAfter - clock.now();
    if (left <= 0) socket.destroy();
    else timer = setTimeout(check, Math.min(left, longestWait)).unref();
  };
  socket.once('close', () => clearTimeout(timer));
  check();
}
