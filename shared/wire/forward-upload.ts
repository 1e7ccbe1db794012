/**
 * The client's body as a stream for undici. Undici never gets the IncomingMessage itself, since it destroys the body of
 * an aborted request, which would take the client's connection down before it could be told why.
 */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { PosternError } from '#shared/base/errors.ts';

/** How long a client may go on sending a body that nobody wants any more, so that it can read the answer. */
const lingerMs = 5000;

export interface UploadEvents {
  onBytes(bytes: number): void;
  /** The last byte was taken from the client. */
  onEnd(): void;
  /** The body cannot be completed: too large, or (no error) the client broke off. */
  onFail(error: PosternError | undefined): void;
}

export class Upload extends Readable {
  readonly #req: IncomingMessage;
  readonly #maxBytes: number;
  readonly #events: UploadEvents;
  #bytes = 0;
  #attached = false;
  /** True while the app does not take what the client sends. */
  blocked = false;

  /** `maxBytes` 0: no limit. Reads nothing until undici asks, which is when a connection has taken the request. */
  constructor(req: IncomingMessage, maxBytes: number, events: UploadEvents) {
    super({ highWaterMark: 64 * 1024 });
    this.#req = req;
    this.#maxBytes = maxBytes;
    this.#events = events;
  }

  override _read(): void {
    if (!this.#attached) {
      this.#attached = true;
      this.#req.on('data', this.#onData);
      this.#req.on('end', this.#onEnd);
      this.#req.on('error', this.#onBreak);
      this.#req.on('close', this.#onBreak);
      if (this.#req.destroyed && !this.#req.readableEnded) process.nextTick(this.#onBreak);
    }
    this.blocked = false;
    this.#req.resume();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#detach();
    callback(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#bytes += chunk.length;
    if (this.#maxBytes > 0 && this.#bytes > this.#maxBytes) {
      this.#fail(new PosternError('body-too-large', `more than ${this.#maxBytes} bytes`));
      return;
    }
    this.#events.onBytes(chunk.length);
    if (!this.push(chunk)) {
      this.blocked = true;
      this.#req.pause();
    }
  };

  readonly #onEnd = (): void => {
    this.#detach();
    this.push(null);
    this.#events.onEnd();
  };

  // 'close' comes after 'end' too, but then nothing is attached any more. A chunk error arrives here as well.
  readonly #onBreak = (): void => this.#fail(undefined);

  #fail(error: PosternError | undefined): void {
    this.#detach();
    this.#events.onFail(error);
    // Undici must see an error, never an end: the app would take the part for the whole.
    this.destroy(error ?? new Error('the client broke off its upload'));
  }

  #detach(): void {
    this.#req.off('data', this.#onData);
    this.#req.off('end', this.#onEnd);
    this.#req.off('error', this.#onBreak);
    this.#req.off('close', this.#onBreak);
  }
}

/** Whether the message has a body, by its framing (RFC 9112 section 6.3). */
export function hasBody(req: IncomingMessage): boolean {
  const length = req.headers['content-length'];
  return req.headers['transfer-encoding'] !== undefined || (length !== undefined && Number(length) !== 0);
}

/**
 * Throws the rest of an upload away for a few seconds, then closes the connection. An immediate close would reset it and
 * could destroy the answer before the client has read it.
 */
export function discardRest(req: IncomingMessage): void {
  if (req.complete || req.destroyed) return;
  req.on('error', () => {});
  req.resume();
  const timer = setTimeout(() => req.destroy(), lingerMs).unref();
  const stop = () => clearTimeout(timer);
  req.once('end', stop);
  req.once('close', stop);
}
