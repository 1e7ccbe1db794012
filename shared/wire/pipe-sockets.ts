/**
 * Joins two sockets into one tunnel (CONNECT, WebSocket): full duplex, half-close aware, with back-pressure both ways,
 * and an end that can be forced at any moment.
 */
import type { Duplex } from 'node:stream';
import { PosternError } from '#shared/base/errors.ts';

export type PipeEnd = 'complete' | 'client-abort' | 'app-abort' | 'cut';

export interface PipeOutcome {
  readonly ended: PipeEnd;
  /** Bytes read from the client and from the app. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly error?: PosternError;
}

export interface PipeOptions {
  /** Silence in both directions after which the tunnel is cut; 0 or absent: never. */
  readonly idleMs?: number | undefined;
  /** The same once one side has ended, whose side is then taken to have gone; 0 or absent: as long as the other likes. */
  readonly lingerMs?: number | undefined;
  readonly onBytes?: ((direction: 'up' | 'down', bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Pipe {
  readonly done: Promise<PipeOutcome>;
  /** Destroys both sockets; `error` becomes the outcome's. Does nothing once the tunnel has ended. */
  cut(error?: PosternError): void;
}

/** Runs until both directions have ended, one side breaks, or `signal` aborts. Never rejects. */
export function pipeSockets(client: Duplex, app: Duplex, options: PipeOptions = {}): Promise<PipeOutcome> {
  return startPipe(client, app, options).done;
}

/** As `pipeSockets`, with a handle to cut it, which costs less than an AbortController for each tunnel. */
export function startPipe(client: Duplex, app: Duplex, options: PipeOptions = {}): Pipe {
  const { promise, resolve } = Promise.withResolvers<PipeOutcome>();
  const count = { up: 0, down: 0 };
  let settled = false;
  let idle: NodeJS.Timeout | undefined;
  let linger: NodeJS.Timeout | undefined;

  const settle = (ended: PipeEnd, error?: PosternError) => {
    if (settled) return;
    settled = true;
    clearTimeout(idle);
    clearTimeout(linger);
    options.signal?.removeEventListener('abort', onAbort);
    if (ended !== 'complete') {
      client.destroy();
      app.destroy();
    }
    resolve({ ended, bytesUp: count.up, bytesDown: count.down, ...(error === undefined ? {} : { error }) });
  };
  const cut = (error?: PosternError) => settle('cut', error ?? new PosternError('stream-cut'));
  const onAbort = () => cut(cutReason(options.signal));
  const onMoved = (direction: 'up' | 'down', bytes: number) => {
    count[direction] += bytes;
    idle?.refresh();
    linger?.refresh();
    options.onBytes?.(direction, bytes);
  };
  const side = (from: Duplex, to: Duplex, direction: 'up' | 'down', broken: PipeEnd) => {
    flow(from, to, (bytes) => onMoved(direction, bytes));
    watch(from, {
      onEnd: () => {
        if (to.writable) to.end();
        if (options.lingerMs) linger ??= setTimeout(() => settle(broken), options.lingerMs).unref();
      },
      onDone: () => {
        if (isOver(client) && isOver(app)) settle('complete');
      },
      onBroken: () => settle(broken),
      // Closed in order is not enough: what the other side has yet to say would reach nobody.
      onClose: () => {
        if (!isOver(from) || !to.readableEnded) settle(broken);
      },
    });
  };
  side(client, app, 'up', 'client-abort');
  side(app, client, 'down', 'app-abort');
  if (settled) return { done: promise, cut };

  if (options.idleMs) {
    const error = new PosternError('app-timeout', `no byte in either direction for ${options.idleMs} ms`);
    idle = setTimeout(() => cut(error), options.idleMs).unref();
  }
  if (options.signal?.aborted) onAbort();
  else options.signal?.addEventListener('abort', onAbort, { once: true });
  return { done: promise, cut };
}

/** The reason of an aborted signal, when it is one of ours. */
export function cutReason(signal: AbortSignal | undefined): PosternError {
  const reason: unknown = signal?.reason;
  return reason instanceof PosternError ? reason : new PosternError('stream-cut', undefined, { cause: reason });
}

/** One direction. Reading stops as soon as the other side's buffer is full. */
function flow(from: Duplex, to: Duplex, onBytes: (bytes: number) => void): void {
  // The end of one direction must not end the other: both sockets may have been made without allowHalfOpen.
  from.allowHalfOpen = true;
  let isHeld = false;
  const release = () => {
    isHeld = false;
    to.uncork();
  };
  from.on('data', (chunk: Buffer) => {
    onBytes(chunk.length);
    if (!to.writable) return;
    // TLS gives its records one by one: what comes in one turn of the event loop goes on in one write.
    if (!isHeld) {
      isHeld = true;
      to.cork();
      setImmediate(release);
    }
    if (!to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
  // Whoever read this socket before may have left it explicitly paused.
  from.resume();
}

/** Both directions done: everything read, everything written. */
function isOver(socket: Duplex): boolean {
  return socket.readableEnded && socket.writableFinished;
}

interface Ends {
  /** Once: it has said all it had to say, which may have been before this tunnel began. */
  readonly onEnd: () => void;
  /** One of its two directions is through. */
  readonly onDone: () => void;
  readonly onBroken: () => void;
  readonly onClose: () => void;
}

function watch(socket: Duplex, { onEnd, onDone, onBroken, onClose }: Ends): void {
  socket.on('end', () => {
    onEnd();
    onDone();
  });
  socket.on('finish', onDone);
  // Without this listener an ECONNRESET would end the process.
  socket.on('error', onBroken);
  socket.on('close', onClose);
  if (socket.destroyed) onBroken();
  // Node tells 'end' once, and whoever listened then cannot tell it again.
  else if (socket.readableEnded) onEnd();
}
