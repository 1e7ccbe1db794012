/**
 * One request on its way through a proxy: the handler that undici calls, and the one place that knows what has been
 * sent, what is still open and who ended it. Used by `forwarder.ts` and `forward-upgrade.ts` alike.
 *
 * `onConnect` to `onError` are undici's older form of a handler, which its client calls still. The newer form it makes of
 * them has an object of every header of each answer, which nobody here reads.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import { PosternError } from '#shared/base/errors.ts';
import { Answer } from './forward-answer.ts';
import { Deadline } from './forward-deadline.ts';
import { End } from './forward-end.ts';
import { toForwardError } from './forward-errors.ts';
import { answerHeaders, dispatchOf, headerPairs, type RawParts, rawList } from './forward-headers.ts';
import { InterimAnswers } from './forward-interim.ts';
import { KeptBack } from './forward-kept.ts';
import type { ForwardEnd, Forwarding, ForwardOptions, ForwardOutcome, KeptAnswer } from './forward-types.ts';
import { discardRest, hasBody, Upload } from './forward-upload.ts';
import { type AnswerWatcher, awaitDrain, unwatchAnswer, watchAnswer } from './forward-watch.ts';
import { cleanTrailers } from './http-headers.ts';
import { cutReason } from './pipe-sockets.ts';

type Phase = 'connect' | 'upload' | 'first-byte' | 'answer';
export type OnUpgraded = (status: number, rawHeaders: readonly string[], socket: Duplex) => void;

export class Exchange implements Dispatcher.DispatchHandler, Forwarding, AnswerWatcher, EventListenerObject {
  readonly #end: End;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #answer: Answer;
  readonly #options: ForwardOptions;
  readonly #onUpgraded: OnUpgraded | undefined;
  readonly #upload: Upload | undefined;
  /** Of undici: ends the request that a connection has taken. */
  #abort: ((error: Error) => void) | undefined;
  #resume: (() => void) | undefined;
  #phase: Phase = 'connect';
  readonly #deadline = new Deadline(this);
  #status: number | undefined;
  #bytesUp = 0;
  #bytesDown = 0;
  #interim: InterimAnswers | undefined;
  /** The client's socket is full and the app has been told to wait. */
  #paused = false;
  /** The app's part is over; only the client's socket is still draining. */
  #answered = false;
  #settled = false;
  #kept: KeptBack | undefined;

  constructor(req: IncomingMessage, res: ServerResponse, options: ForwardOptions, onUpgraded?: OnUpgraded) {
    this.#req = req;
    this.#res = res;
    this.#answer = new Answer(res);
    this.#end = new End(options.onEnd);
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

  get done(): Promise<ForwardOutcome> {
    return this.#end.promise;
  }

  /** For a dispatcher that holds it back: it need not be sent any more. */
  get isOver(): boolean {
    return this.#settled;
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
    signal?.addEventListener('abort', this, { once: true });
    watchAnswer(this.#res, this);
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
    unwatchAnswer(this.#res);
  }

  #dispatch(): void {
    const options = this.#options;
    // A streamed body keeps its announced length.
    const length = this.#upload === undefined ? undefined : this.#req.headers['content-length'];
    const upgrade = this.#onUpgraded && 'websocket';
    try {
      options.dispatcher.dispatch(dispatchOf(options, { length, body: this.#upload, upgrade }), this);
    } catch (error) {
      this.onError(error);
    }
    if (this.#abort === undefined && !this.#settled) this.#arm('connect', options.timeouts.connectMs);
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#abort = abort;
    // Settled while it waited for a connection: nothing has been written yet, and nothing will be.
    if (this.#settled) {
      abort(new Error('no longer wanted'));
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

  onUpgrade(status: number, headers: RawParts, socket: Duplex): void {
    if (this.#settled || this.#onUpgraded === undefined) socket.destroy();
    else this.#onUpgraded(status, rawList(headers), socket);
  }

  /** False, here and from `onData`: wait until `resume` is called. */
  onHeaders(status: number, headers: RawParts, resume: () => void): boolean {
    this.#resume = resume;
    if (!this.#settled) this.#onHead(status, rawList(headers));
    return true;
  }

  #onHead(status: number, raw: string[]): void {
    if (status < 200) {
      this.#interim ??= new InterimAnswers(this.#req, this.#res);
      const broken = this.#interim.take(status, raw);
      if (broken !== undefined) this.fail('refused', broken);
      return;
    }
    this.#arm('answer', this.#options.timeouts.idleMs);
    if (this.#options.keepBack?.(status, raw)) {
      this.#status = status;
      this.#kept = new KeptBack(status, raw);
      return;
    }
    const bodyless = status === 204 || status === 304 || this.#req.method === 'HEAD';
    this.#sendHead(status, raw, bodyless);
    // Not before: of a head that cannot be passed on nothing was answered.
    this.#status = status;
    this.#options.onResponseStart?.(status);
    // Complete already. Undici would wait, and takes a 304 with the length of its representation for a broken answer.
    if (bodyless) this.#endAnswer();
  }

  onData(chunk: Buffer): boolean {
    if (!this.#settled && !this.#answered) this.#onChunk(chunk);
    return !this.#paused;
  }

  #onChunk(chunk: Buffer): void {
    this.#bytesDown += chunk.length;
    this.#deadline.refresh();
    this.#options.onBytes?.('down', chunk.length);
    if (this.#kept !== undefined) {
      if (!this.#kept.add(chunk)) this.fail('refused', new PosternError('app-broken', 'kept answer too large'));
    } else if (!this.#answer.data(chunk) && !this.#paused) {
      this.#paused = true;
      awaitDrain(this.#res);
    }
  }

  onComplete(rawTrailers: RawParts): void {
    if (this.#settled || this.#answered) return;
    if (this.#kept !== undefined) {
      this.#answered = true;
      this.#settle('kept', this.#kept.whole());
      return;
    }
    const trailers = cleanTrailers(rawList(rawTrailers));
    if (trailers.length > 0) this.#res.addTrailers(headerPairs(trailers));
    this.#endAnswer();
  }

  onError(error: unknown): void {
    if (this.#settled || this.#answered) return;
    const mapped = toForwardError(error, this.#abort !== undefined);
    this.fail(this.#res.headersSent ? 'app-abort' : 'refused', mapped);
  }

  #sendHead(status: number, raw: readonly string[], bodyless: boolean): void {
    const headers = answerHeaders(raw, this.#req.httpVersion, bodyless);
    this.#answer.head(status, this.#options.responseHeaders?.(status, headers) ?? headers);
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

  onDrain(): void {
    if (!this.#paused || this.#settled) return;
    this.#paused = false;
    this.#deadline.refresh();
    this.#resume?.();
  }

  onFinish(): void {
    this.#settle('complete');
  }

  /** After 'finish' this finds the exchange settled. */
  onClose(): void {
    this.fail('client-abort');
  }

  /** Of the signal. */
  handleEvent(): void {
    this.fail('cut', cutReason(this.#options.signal!));
  }

  #arm(phase: Phase, ms: number): void {
    this.#phase = phase;
    this.#deadline.set(ms);
  }

  onDue(): void {
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
    this.#close(ended);
    if (!this.#answered) this.#abort?.(reason);
    // A truncated answer must not look whole; an answer that has not begun is the caller's to give.
    if (started) this.#res.destroy();
    this.#tell(started && ended === 'refused' ? 'cut' : ended, error);
  }

  #settle(ended: 'complete' | 'kept', kept?: KeptAnswer): void {
    if (this.#settled) return;
    this.#close(ended);
    this.#tell(ended, undefined, kept);
  }

  #close(ended: ForwardEnd): void {
    this.#settled = true;
    this.#cleanUp();
    // A complete answer goes, and its listeners with it.
    if (ended !== 'complete') unwatchAnswer(this.#res);
    this.#upload?.destroy();
    if (this.#upload !== undefined) discardRest(this.#req);
  }

  /** At the very end: whoever is told may answer. */
  #tell(ended: ForwardEnd, error?: PosternError, kept?: KeptAnswer): void {
    this.#end.tell({ ended, status: this.#status, bytesUp: this.#bytesUp, bytesDown: this.#bytesDown, error, kept });
  }

  #cleanUp(): void {
    this.#deadline.clear();
    this.#options.signal?.removeEventListener('abort', this);
  }
}
