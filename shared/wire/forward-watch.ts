/** Tells whoever writes an answer that it went out whole, or that its client has gone. */
import type { ServerResponse } from 'node:http';

export interface AnswerWatcher {
  onFinish(): void;
  onClose(): void;
  onDrain(): void;
}

const watcher = Symbol('watcher');
type Watched = ServerResponse & { [watcher]?: AnswerWatcher };

/** One at a time: a second attempt at the same answer takes the first one's place. */
export function watchAnswer(res: Watched, by: AnswerWatcher): void {
  res[watcher] = by;
  res.on('finish', onFinish);
  res.on('close', onClose);
}

/** Until the client has taken what it was sent. */
export function awaitDrain(res: Watched): void {
  res.once('drain', onDrain);
}

export function unwatchAnswer(res: Watched): void {
  res.off('finish', onFinish);
  res.off('close', onClose);
  res.off('drain', onDrain);
}

// The same functions for all answers, where each would else have its own.
function onFinish(this: Watched): void {
  this[watcher]?.onFinish();
}

function onClose(this: Watched): void {
  this[watcher]?.onClose();
}

function onDrain(this: Watched): void {
  this[watcher]?.onDrain();
}
