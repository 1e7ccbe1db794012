/**
 * A copy of a request's body, made while it streams by, so that the request can be sent once more. Up to 1 MiB; a larger body
 * only streams. Nothing is read here that the forwarder does not ask for.
 */
import type { IncomingMessage } from 'node:http';
import { PosternError } from '#shared/base/errors.ts';
import { hasBody } from '#shared/wire/forward-upload.ts';

const maxKeptBytes = 1024 * 1024;

export class KeptBody {
  readonly #req: IncomingMessage;
  #chunks: Buffer[] = [];
  #size = 0;
  #lost = false;
  #ended = false;

  constructor(req: IncomingMessage) {
    this.#req = req;
    if (!hasBody(req)) {
      this.#ended = true;
      return;
    }
    if (Number(req.headers['content-length'] ?? 0) > maxKeptBytes) {
      this.#lost = true;
      return;
    }
    // Before the listener: 'data' would set it flowing, and the bytes would be gone before the forwarder listens.
    req.pause();
    req.on('data', this.#onData);
    req.once('end', () => {
      this.#ended = true;
    });
  }

  /** Whether all of the body that has been taken is still here. */
  get canRepeat(): boolean {
    return !this.#lost;
  }

  /** It will not be sent again. */
  drop(): void {
    this.#req.off('data', this.#onData);
    this.#lost = !this.#ended || this.#size > 0;
    this.#chunks = [];
  }

  /**
   * The whole body once its last byte has come; undefined when the message has none. Reads on by itself, up to the limit.
   * Rejects with `body-too-large` when it was not kept, `bad-request` when the client breaks off.
   */
  async whole(): Promise<Buffer | undefined> {
    if (!hasBody(this.#req)) return undefined;
    if (!this.#ended && !this.#lost) await this.#readOn();
    if (this.#lost) throw new PosternError('body-too-large', 'the body is too large to be kept and sent again');
    return Buffer.concat(this.#chunks, this.#size);
  }

  #readOn(): Promise<void> {
    const req = this.#req;
    return new Promise((resolve, reject) => {
      const settle = (error?: PosternError) => {
        req.off('end', onEnd);
        req.off('close', onBreak);
        req.off('error', onBreak);
        req.off('data', onData);
        if (error === undefined) resolve();
        else reject(error);
      };
      const onEnd = () => settle();
      const onBreak = () => settle(new PosternError('bad-request', 'the client broke off its upload'));
      // A body that turns out too large is not read to its end.
      const onData = () => {
        if (this.#lost) settle();
      };
      req.on('end', onEnd);
      req.on('close', onBreak);
      req.on('error', onBreak);
      req.on('data', onData);
      if (req.destroyed && !this.#ended) onBreak();
      else req.resume();
    });
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#size += chunk.length;
    if (this.#size <= maxKeptBytes) {
      this.#chunks.push(chunk);
      return;
    }
    this.drop();
    this.#lost = true;
  };
}
