/**
 * A long stream that is kept open: opened again after every end with jittered, growing pauses, and given up when it has been
 * silent for too long (a dead peer behind a live NAT sends no FIN).
 */
import { second } from '../base/clock.ts';
import { asPosternError, PosternError } from '../base/errors.ts';
import { asCallError } from './call-errors.ts';
import { readNdjson } from './ndjson.ts';

export type ChannelState = 'connecting' | 'open' | 'waiting' | 'stopped';

export interface Backoff {
  /** The longest first pause; each failure in a row doubles it up to `maxMs`. The pause is random below that (full jitter). */
  readonly firstMs: number;
  readonly maxMs: number;
}

export interface LongChannelOptions<M> {
  /** Opens the stream: usually `(signal) => client.stream({ query, signal })`. */
  readonly connect: (signal: AbortSignal) => Promise<AsyncIterable<Buffer>>;
  /** Splits bytes into messages; `readNdjson` unless told (`readSseJson` for server-sent events). */
  readonly read?: (bytes: AsyncIterable<Buffer>) => AsyncIterable<unknown>;
  /** The schema check of the contract: `(value) => Check(streamMessage, value)`. A message that fails ends the connection. */
  readonly check: (value: unknown) => value is M;
  /** One at a time, in order. When it throws, the connection is ended and opened again. */
  readonly onMessage: (message: M) => void | Promise<void>;
  /** `waiting` comes with why the connection ended and for how long it waits. */
  readonly onState?: (state: ChannelState, end?: { readonly error: PosternError; readonly waitMs: number }) => void;
  readonly backoff?: Backoff;
  /** Milliseconds without a byte after which the connection is ended. */
  readonly silenceMs: number;
  /** From 0 to 1; for tests. */
  readonly random?: () => number;
}

export interface LongChannel {
  /** Ends the pause, or the connection, and connects at once: after waking from sleep or a change of network. */
  reconnect(): void;
  /** Ends it for good; resolves when nothing more will be called. */
  stop(): Promise<void>;
}

const usualBackoff: Backoff = { firstMs: second, maxMs: 30 * second };

export function openLongChannel<M>(options: LongChannelOptions<M>): LongChannel {
  const { backoff = usualBackoff, onState = () => {}, random = Math.random } = options;
  let isStopped = false;
  let failures = 0;
  /** Ends whatever is going on now: the connection or the pause. */
  let interrupt: (reason: PosternError) => void = () => {};

  const waitAfter = (error: PosternError): number => {
    const asked = error.extra?.['retryAfterMs'];
    const limit = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(failures, 20));
    failures += 1;
    return Math.round((typeof asked === 'number' ? Math.max(0, asked) : 0) + random() * limit);
  };
  const onReceived = () => {
    failures = 0;
  };
  const run = async () => {
    while (!isStopped) {
      onState('connecting');
      const abort = new AbortController();
      interrupt = (reason) => abort.abort(reason);
      const error = await runOnce(options, abort, onReceived, () => onState('open'));
      if (isStopped) break;
      const isWanted = error === wanted;
      const waitMs = isWanted ? 0 : waitAfter(error);
      onState('waiting', { error, waitMs });
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMs);
        interrupt = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    onState('stopped');
  };
  const ended = run();
  return {
    reconnect() {
      failures = 0;
      interrupt(wanted);
    },
    stop() {
      isStopped = true;
      interrupt(wanted);
      return ended;
    },
  };
}

const wanted = new PosternError('unavailable', 'ended by this side');

/** One connection from start to end; never throws, says why it ended. */
async function runOnce<M>(
  { connect, read = readNdjson, check, onMessage, silenceMs }: LongChannelOptions<M>,
  abort: AbortController,
  onReceived: () => void,
  onOpen: () => void,
): Promise<PosternError> {
  const { signal } = abort;
  const silent = new PosternError('unreachable', `nothing came for ${silenceMs} ms`);
  const watch = setTimeout(() => abort.abort(silent), silenceMs);
  try {
    const bytes = await Promise.race([connect(signal), aborted(signal)]);
    watch.refresh();
    onOpen();
    for await (const value of read(watched(bytes, signal, () => watch.refresh()))) {
      if (!check(value)) throw new PosternError('bad-answer', 'a message outside the contract');
      await onMessage(value);
      onReceived();
    }
    return new PosternError('unreachable', 'the peer ended the stream');
  } catch (error) {
    if (signal.aborted) return signal.reason as PosternError;
    // What has a code of its own comes from the network; the rest is a fault of ours.
    return typeof (error as { code?: unknown })?.code === 'string'
      ? asCallError('stream', error)
      : asPosternError(error);
  } finally {
    clearTimeout(watch);
    // Frees the connection however we left it; without a listener left, nothing else happens.
    abort.abort(wanted);
  }
}

/** Rejects when the signal fires, so that a source that ignores its signal cannot hold us. */
function aborted(signal: AbortSignal): Promise<never> {
  const end = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  end.catch(() => {});
  return end;
}

async function* watched(
  bytes: AsyncIterable<Buffer>,
  signal: AbortSignal,
  onBytes: () => void,
): AsyncGenerator<Buffer> {
  const iterator = bytes[Symbol.asyncIterator]();
  const end = aborted(signal);
  for (;;) {
    const next = await Promise.race([iterator.next(), end]);
    if (next.done) return;
    onBytes();
    yield next.value;
  }
}
