/**
 * One request on its way through a proxy: the handler that undici calls, and the one place that knows what has been
 * sent, what is still open and who ended it. Used by `forwarder.ts` and `forward-upgrade.ts` alike.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import { PosternError } from '#shared/base/errors.ts';
import { Answer } from './forward-answer.ts';
import { Deadline } from './forward-deadline.ts';
import { toForwardError } from './forward-errors.ts';
import { answerHeaders, framedHeaders, headerPairs, hintLinks, originServerName, rawList } from './forward-headers.ts';
import type { ForwardEnd, Forwarding, ForwardOptions, ForwardOutcome, KeptAnswer } from './forward-types.ts';
import { discardRest, hasBody, Upload } from './forward-upload.ts';
import { cleanTrailers } from './http-headers.ts';
import { cutReason } from './pipe-sockets.ts';

const maxKeptBytes = 64 * 1024;
/** Of one answer: an app that sends 1xx without end is heard no longer, and floods no client. */
const maxInterim = 256;
const maxHints = 16;

type Controller = Dispatcher.DispatchController;
type Phase = 'connect' | 'upload' | 'first-byte' | 'answer';
export type OnUpgraded = (status: number, rawHeaders: readonly string[], socket: Duplex) => void;

export class Exchange implements Dispatcher.DispatchHandler, Forwarding {
  readonly done: Promise<ForwardOutcome>;
  readonly #resolve: (outcome: ForwardOutcome) => void;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #answer: Answer;
  readonly #options: ForwardOptions;
  readonly #onUpgraded: OnUpgraded | undefined;
  readonly #upload: Upload | undefined;
  #controller: Controller | undefined;
  #phase: Phase = 'connect';
  readonly #deadline: Deadline = new Deadline(() => this.#onDue());
  #status: number | undefined;
  #bytesUp = 0;
  #bytesDown = 0;
  #interim = 0;
  /** The client's socket is full and the app has been told to wait. */
  #paused = false;
  /** The app's part is over; only the client's socket is still draining. */
  #answered = false;
  #settled = false;
  #kept: { status: number; headers: readonly string[]; chunks: Buffer[]; size: number } | undefined;

  constructor(req: IncomingMessage, res: ServerResponse, options: ForwardOptions, onUpgraded?: OnUpgraded) {
    const { promise, resolve } = Promise.withResolvers<ForwardOutcome>();
    this.done = promise;
    this.#resolve = resolve;
    this.#req = req;
    this.#res = res;
    this.#answer = new Answer(res);
    this.#options = options;
    this.#onUpgraded = onUpgraded;
    if (options.bufferedBody === undefined && onUpgraded === undefined && hasBody(req)) {
      this.#upload = new Upload(req, options.maxBodyBytes ?? 0, {
        onBytes: (bytes) => this.#onSent(bytes),
        onEnd: () => this.#onUploadEnd(),
        onFail: (error) => this.fail(error === undefined ? 'client-abort' : 'refused', error),
      });
    }
  }

  start(): this {
    const { signal, maxBodyBytes } = this.#options;
    if (signal?.aborted) {
      this.fail('cut', cutReason(signal));
      return this;
    }
    const announced = this.#options.bufferedBody?.length ?? Number(this.#req.headers['content-length'] ?? 0);
    if (maxBodyBytes && announced > maxBodyBytes) {
      this.fail('refused', new PosternError('body-too-large', `${announced} bytes, ${maxBodyBytes} are allowed`));
      return this;
    }
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#res.on('finish', this.#onFinish);
    this.#res.on('close', this.#onClose);
    if (this.#res.destroyed || this.#req.socket?.destroyed) this.fail('client-abort');
    else this.#dispatch();
    return this;
  }

  cut(error?: PosternError): void {
    this.fail('cut', error ?? new PosternError('stream-cut'));
  }

  /** For an upgrade whose pipe has taken over: stops watching and leaves both sockets alone. */
  release(): void {
    this.#settled = true;
    this.#cleanUp();
    this.#unwatch();
  }

  #dispatch(): void {
    const options = this.#options;
    // A streamed body keeps its announced length.
    const length = this.#upload === undefined ? undefined : this.#req.headers['content-length'];
    const request = {
      origin: options.origin,
      method: options.method as Dispatcher.HttpMethod,
      path: options.path,
      headers: framedHeaders(options.headers, length),
      body: options.bufferedBody ?? this.#upload ?? null,
      upgrade: this.#onUpgraded ? 'websocket' : null,
      servername: options.servername ?? originServerName(options.origin),
      // Our own timer knows more: which side is silent, and whether it may be.
      headersTimeout: 0,
      bodyTimeout: 0,
    };
    try {
      options.dispatcher.dispatch(request, this);
    } catch (error) {
      this.onResponseError(undefined, error);
    }
    if (this.#controller === undefined && !this.#settled) this.#arm('connect', options.timeouts.connectMs);
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    // Settled while it waited for a connection: nothing has been written yet, and nothing will be.
    if (this.#settled) {
      controller.abort(new Error('no longer wanted'));
      return;
    }
    const refusal = this.#options.beforeSend?.();
    if (refusal !== undefined) {
      this.fail('refused', refusal);
      return;
    }
    const { firstByteMs, idleMs } = this.#options.timeouts;
    if (this.#options.bufferedBody !== undefined) this.#onSent(this.#options.bufferedBody.length);
    if (this.#upload === undefined) this.#arm('first-byte', firstByteMs);
    else this.#arm('upload', idleMs);
  }

  onRequestUpgrade(controller: Controller, status: number, _headers: unknown, socket: Duplex): void {
    if (this.#settled || this.#onUpgraded === undefined) socket.destroy();
    else this.#onUpgraded(status, rawList(controller.rawHeaders), socket);
  }

  onResponseStart(controller: Controller, status: number): void {
    if (this.#settled) return;
    const raw = rawList(controller.rawHeaders);
    if (status < 200) {
      this.#interim += 1;
      // A 101 that nobody asked for, or without the headers that make it one.
      if (status === 101) this.fail('refused', new PosternError('app-broken', 'an unexpected 101'));
      else if (this.#interim > maxInterim) this.fail('refused', new PosternError('app-broken', 'interim answers only'));
      else if (status === 103 && this.#interim <= maxHints) this.#sendEarlyHints(raw);
      return;
    }
    this.#status = status;
    this.#arm('answer', this.#options.timeouts.idleMs);
    if (this.#options.keepBack?.(status, raw)) {
      this.#kept = { status, headers: raw, chunks: [], size: 0 };
      return;
    }
    const bodyless = status === 204 || status === 304 || this.#req.method === 'HEAD';
    this.#sendHead(status, raw, bodyless);
    this.#options.onResponseStart?.(status);
    // Complete already. Undici would wait, and takes a 304 with the length of its representation for a broken answer.
    if (bodyless) this.#endAnswer();
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#settled || this.#answered) return;
    this.#bytesDown += chunk.length;
    this.#deadline.refresh();
    this.#options.onBytes?.('down', chunk.length);
    if (this.#kept !== undefined) {
      this.#kept.size += chunk.length;
      if (this.#kept.size > maxKeptBytes) this.fail('refused', new PosternError('app-broken', 'kept answer too large'));
      else this.#kept.chunks.push(chunk);
    } else if (!this.#answer.data(chunk) && !this.#paused) {
      this.#paused = true;
      this.#res.once('drain', this.#onDrain);
      controller.pause();
    }
  }

  onResponseEnd(controller: Controller): void {
    if (this.#settled || this.#answered) return;
    if (this.#kept !== undefined) {
      this.#answered = true;
      const { status, headers, chunks } = this.#kept;
      this.#settle('kept', undefined, { status, headers, body: Buffer.concat(chunks) });
      return;
    }
    const trailers = cleanTrailers(rawList(controller.rawTrailers));
    if (trailers.length > 0) this.#res.addTrailers(headerPairs(trailers));
    this.#endAnswer();
  }

  onResponseError(_controller: Controller | undefined, error: unknown): void {
    if (this.#settled || this.#answered) return;
    const mapped = toForwardError(error, this.#controller !== undefined);
    this.fail(this.#res.headersSent ? 'app-abort' : 'refused', mapped);
  }

  #sendHead(status: number, raw: readonly string[], bodyless: boolean): void {
    const headers = answerHeaders(raw, this.#req.httpVersion, bodyless);
    this.#answer.head(status, this.#options.responseHeaders?.(status, headers) ?? headers);
  }

  #sendEarlyHints(raw: readonly string[]): void {
    const hints = hintLinks(raw);
    // An HTTP/1.0 client must not be sent a 1xx (RFC 9110 section 15.2).
    if (hints.length > 0 && this.#req.httpVersion !== '1.0') this.#res.writeInformation(103, hints);
  }

  #endAnswer(): void {
    this.#answered = true;
    this.#answer.end();
  }

  #onSent(bytes: number): void {
    this.#bytesUp += bytes;
    this.#deadline.refresh();
    this.#options.onBytes?.('up', bytes);
  }

  #onUploadEnd(): void {
    if (this.#phase === 'upload') this.#arm('first-byte', this.#options.timeouts.firstByteMs);
  }

  readonly #onAbort = (): void => this.fail('cut', cutReason(this.#options.signal));

  readonly #onDrain = (): void => {
    if (!this.#paused || this.#settled) return;
    this.#paused = false;
    this.#deadline.refresh();
    this.#controller?.resume();
  };

  readonly #onFinish = (): void => this.#settle('complete');

  // After 'finish' this finds the exchange settled.
  readonly #onClose = (): void => this.fail('client-abort');

  #arm(phase: Phase, ms: number): void {
    this.#phase = phase;
    this.#deadline.set(ms);
  }

  #onDue(): void {
    const begun = this.#res.headersSent;
    if (this.#phase === 'connect') this.fail('refused', new PosternError('app-timeout', 'no connection in time'));
    else if (this.#phase === 'first-byte') this.fail('refused', new PosternError('app-timeout', 'no answer in time'));
    else if (this.#isClientSilent()) this.fail('client-abort', new PosternError('bad-request', 'the client stalled'));
    else this.fail(begun ? 'app-abort' : 'refused', new PosternError('app-timeout', 'the app stalled'));
  }

  #isClientSilent(): boolean {
    return this.#phase === 'upload' ? !this.#upload?.blocked : this.#paused || this.#answered;
  }

  /** Ends the exchange on both sides, once. */
  fail(ended: ForwardEnd, error?: PosternError): void {
    if (this.#settled) return;
    const reason = error ?? new Error(ended);
    const started = this.#res.headersSent;
    this.#settle(started && ended === 'refused' ? 'cut' : ended, error);
    if (!this.#answered) this.#controller?.abort(reason);
    // A truncated answer must not look whole; an answer that has not begun is the caller's to give.
    if (started) this.#res.destroy();
  }

  #settle(ended: ForwardEnd, error?: PosternError, kept?: KeptAnswer): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#cleanUp();
    // A complete answer goes, and its listeners with it.
    if (ended !== 'complete') this.#unwatch();
    this.#upload?.destroy();
    if (this.#upload !== undefined) discardRest(this.#req);
    this.#resolve({
      ended,
      bytesUp: this.#bytesUp,
      bytesDown: this.#bytesDown,
      ...(this.#status === undefined ? {} : { status: this.#status }),
      ...(error === undefined ? {} : { error }),
      ...(kept === undefined ? {} : { kept }),
    });
  }

  #cleanUp(): void {
    this.#deadline.clear();
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
  }

  #unwatch(): void {
    this.#res.off('drain', this.#onDrain);
    this.#res.off('finish', this.#onFinish);
    this.#res.off('close', this.#onClose);
  }
}
