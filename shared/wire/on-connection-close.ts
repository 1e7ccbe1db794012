/**
 * Who waits behind other answers of a connection hears of its end here: Node tells only the response whose turn it is. One
 * listener for each socket, however many wait.
 */
import type { Socket } from 'node:net';

const waiting = new WeakMap<Socket, Set<() => void>>();

/** Calls `tell` when `socket` closes; returns what ends the watch. */
export function onConnectionClose(socket: Socket, tell: () => void): () => void {
  let all = waiting.get(socket);
  if (all === undefined) {
    const made = new Set<() => void>();
    waiting.set(socket, made);
    socket.once('close', () => {
      for (const one of made) one();
    });
    all = made;
  }
  const mine = all;
  mine.add(tell);
  return () => mine.delete(tell);
}
