/** The 1xx answers before the one answer of an app (RFC 9110 section 15.2). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PosternError } from '#shared/base/errors.ts';
import { hintLinks } from './forward-headers.ts';

/** Of one answer: an app that sends them without end is heard no longer, and floods no client. */
const maxInterim = 256;
const maxHints = 16;

export class InterimAnswers {
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  #count = 0;

  constructor(req: IncomingMessage, res: ServerResponse) {
    this.#req = req;
    this.#res = res;
  }

  /** Passes a 103 on and nothing else. The error: what comes after it is not worth waiting for. */
  take(status: number, raw: readonly string[]): PosternError | undefined {
    this.#count += 1;
    // A 101 that nobody asked for, or without the headers that make it one.
    if (status === 101) return new PosternError('app-broken', 'an unexpected 101');
    if (this.#count > maxInterim) return new PosternError('app-broken', 'interim answers only');
    const hints = status === 103 && this.#count <= maxHints ? hintLinks(raw) : [];
    // An HTTP/1.0 client must not be sent one.
    if (hints.length > 0 && this.#req.httpVersion !== '1.0') this.#res.writeInformation(103, hints);
    return undefined;
  }
}
