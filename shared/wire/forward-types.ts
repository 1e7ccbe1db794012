/** The contract of the forwarder: what a caller says about one request and what it learns when the request has ended. */
import type { Dispatcher } from 'undici';
import type { PosternError } from '#shared/base/errors.ts';
import type { RawHeaders } from './http-headers.ts';

/** Milliseconds; 0 means no limit. */
export interface ForwardTimeouts {
  /** From the dispatch to a connection that takes the request, waiting in the pool included. */
  readonly connectMs: number;
  /** From the last byte of the request to the head of the answer. */
  readonly firstByteMs: number;
  /** Silence in both directions, of the upload and then of the answer. */
  readonly idleMs: number;
  /** Of a WebSocket: silence once one side has ended; 30 s when absent. */
  readonly lingerMs?: number;
}

export interface ForwardOptions {
  /** Of undici 7, over HTTP/1.1, or what hands on to such; it must call handlers of the older form (`forward-exchange.ts`). */
  readonly dispatcher: Pick<Dispatcher, 'dispatch'>;
  readonly origin: string | URL;
  /** The canonical method and target that were judged (P9). */
  readonly method: string;
  readonly path: string;
  /** From `toAppHeaders`. What frames the message is ignored here: framing follows the body that is really sent. */
  readonly headers: readonly string[];
  /** Server name for an https origin; the origin's host name when absent. Constant per origin: a change reconnects. */
  readonly servername?: string | undefined;
  readonly timeouts: ForwardTimeouts;
  /** Bytes; 0 or absent means no limit. */
  readonly maxBodyBytes?: number | undefined;
  /** The whole body, read before: sent instead of what `req` would give, and no byte of `req` is touched. */
  readonly bufferedBody?: Buffer | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * Called in the tick that writes the request, as late as can be (P16). An error refuses the request: nothing is sent
   * and the outcome carries that error.
   */
  readonly beforeSend?: (() => PosternError | undefined) | undefined;
  /** Last word on the headers of the answer, which are end to end already and without `Postern-*`. */
  readonly responseHeaders?: ((status: number, headers: RawHeaders) => RawHeaders) | undefined;
  /**
   * Asked with the untouched head of the answer. True: nothing is written downstream; the answer (at most 64 KiB) comes
   * back in the outcome as `kept`, so that the caller can act on it and ask again.
   */
  readonly keepBack?: ((status: number, rawHeaders: readonly string[]) => boolean) | undefined;
  readonly onResponseStart?: ((status: number) => void) | undefined;
  readonly onBytes?: ((direction: 'up' | 'down', bytes: number) => void) | undefined;
  /** Called once, when it has ended, however it ended. */
  readonly onEnd?: ((outcome: ForwardOutcome) => void) | undefined;
}

export type ForwardEnd =
  /** The whole answer was handed to the system for the client. */
  | 'complete'
  /** The client went away or stalled. */
  | 'client-abort'
  /** The app broke off or stalled after its answer had begun; the client's connection was destroyed. */
  | 'app-abort'
  /** By `signal` or `cut`. */
  | 'cut'
  /** Nothing was written: answer with `error`. */
  | 'refused'
  /** `keepBack` took the answer; nothing was written. */
  | 'kept';

export interface KeptAnswer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: Buffer;
}

export interface ForwardOutcome {
  readonly ended: ForwardEnd;
  /** Of the answer's head, when one was passed on or kept. */
  readonly status?: number | undefined;
  /** Body bytes (of a WebSocket: all bytes after the 101) taken from the client and from the app. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly error?: PosternError | undefined;
  readonly kept?: KeptAnswer | undefined;
}

export interface Forwarding {
  /** What `onEnd` is told, for those who would rather wait. Never rejects. */
  readonly done: Promise<ForwardOutcome>;
  /** Ends both sides now. Before the answer has begun nothing is written downstream and the caller may still answer. */
  cut(error?: PosternError): void;
}
