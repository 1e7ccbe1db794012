/**
 * The dialling end of a contract: one typed method per route. Answers are held to the contract (without a compiler: the
 * agent's memory matters), problem documents come back as the PosternError they were.
 */
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { second } from '../base/clock.ts';
import { PosternError } from '../base/errors.ts';
import type { AnswerOf, BodyOf, Contract, ParamsOf, QueryOf, RouteShape } from '../contracts/route.ts';
import { asCallError } from './call-errors.ts';
import { readAnswer } from './read-answer.ts';

/** Whether a member may be left out: its schema is absent, or every member of it is optional. */
type MaybeParams<R extends RouteShape> = R extends { readonly params: object }
  ? { readonly params: ParamsOf<R> }
  : unknown;
type MaybeQuery<R extends RouteShape> = R extends { readonly query: object }
  ? Record<never, never> extends QueryOf<R>
    ? { readonly query?: QueryOf<R> }
    : { readonly query: QueryOf<R> }
  : unknown;
type MaybeBody<R extends RouteShape> = R extends { readonly body: object } ? { readonly body: BodyOf<R> } : unknown;

export interface CallSettings {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** For the whole call; for a stream, until its head has come. */
  readonly timeoutMs?: number;
  /** Bytes. */
  readonly maxAnswer?: number;
}

export type CallInput<R extends RouteShape> = CallSettings & MaybeParams<R> & MaybeQuery<R> & MaybeBody<R>;
type InputArgument<R extends RouteShape> =
  Record<never, never> extends CallInput<R> ? [input?: CallInput<R>] : [input: CallInput<R>];
/** A stream's bytes; leaving a `for await` over them, or `destroy()`, ends the connection. */
type Result<R extends RouteShape> = R extends { readonly stream: string } ? Readable : AnswerOf<R>;

export type Client<C extends Contract> = {
  readonly [N in keyof C]: (...input: InputArgument<C[N]>) => Promise<Result<C[N]>>;
};

export interface CallOptions {
  /** From `makeDispatcher` or `makeUnixDispatcher`. */
  readonly dispatcher: Dispatcher;
  /** `https://host:port`; asked at every call when it is a function. */
  readonly origin: string | (() => string);
  /** Headers of every call, asked each time. */
  readonly headers?: () => Readonly<Record<string, string>>;
  /** 10 s unless told. */
  readonly timeoutMs?: number;
  /** Bytes of an answer; 1 MiB unless told. */
  readonly maxAnswer?: number;
}

interface AnyInput extends CallSettings {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

const defaults = { timeoutMs: 10 * second, maxAnswer: 1024 * 1024 };

/**
 * Rejects with: the PosternError of a problem document; `bad-answer` for anything outside the contract; `peer-refused` when
 * the server is not who it should be; `unreachable` for a failed or slow connection; the signal's reason when aborted.
 */
export function callContract<C extends Contract>(contract: C, options: CallOptions): Client<C> {
  const client: Record<string, (input?: AnyInput) => Promise<unknown>> = {};
  for (const [name, route] of Object.entries(contract)) {
    client[name] = (input = {}) => call(name, route, options, input);
  }
  return client as unknown as Client<C>;
}

async function call(name: string, route: RouteShape, options: CallOptions, input: AnyInput): Promise<unknown> {
  const { signal } = input;
  signal?.throwIfAborted();
  const timeoutMs = input.timeoutMs ?? options.timeoutMs ?? defaults.timeoutMs;
  const abort = new AbortController();
  const onAbort = () => abort.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  const late = new PosternError('unreachable', `${name}: no answer in ${timeoutMs} ms`);
  const timer = setTimeout(() => abort.abort(late), timeoutMs);
  const release = () => signal?.removeEventListener('abort', onAbort);
  try {
    const response = await options.dispatcher.request({ ...requestOf(route, options, input), signal: abort.signal });
    if (route.stream !== undefined && response.statusCode === 200) {
      // The signal goes on to end the stream, until the stream ends by itself.
      response.body.once('close', release);
      return response.body;
    }
    const maxAnswer = input.maxAnswer ?? options.maxAnswer ?? defaults.maxAnswer;
    const answer = await readAnswer(name, route, response, maxAnswer);
    release();
    return answer;
  } catch (error) {
    release();
    if (signal?.aborted) throw signal.reason;
    throw asCallError(name, abort.signal.aborted ? abort.signal.reason : error);
  } finally {
    clearTimeout(timer);
  }
}

function requestOf(route: RouteShape, options: CallOptions, input: AnyInput): Dispatcher.RequestOptions {
  const origin = typeof options.origin === 'function' ? options.origin() : options.origin;
  const isStream = route.stream !== undefined;
  const hasBody = route.body !== undefined;
  return {
    origin,
    path: pathOf(route, input.params ?? {}) + queryOf(input.query ?? {}),
    method: route.method,
    headers: {
      accept: 'application/json, application/problem+json, */*;q=0.1',
      ...(hasBody ? { 'content-type': 'application/json' } : {}),
      ...options.headers?.(),
      ...input.headers,
    },
    body: hasBody ? JSON.stringify(input.body) : null,
    // Our own timer bounds the call; a stream may be silent for long and has its own watch (openLongChannel).
    headersTimeout: 0,
    bodyTimeout: 0,
    blocking: isStream,
  };
}

function pathOf(route: RouteShape, params: Readonly<Record<string, unknown>>): string {
  return route.path.replaceAll(/:([A-Za-z0-9_]+)/g, (_, name: string) => {
    const value = String(params[name] ?? '');
    // Dot segments survive percent-encoding and would name another route.
    if (value === '' || value === '.' || value === '..') {
      throw new PosternError('bad-request', `"${value}" cannot stand for ${name} in ${route.path}`);
    }
    return encodeURIComponent(value);
  });
}

function queryOf(query: Readonly<Record<string, unknown>>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const item of [value].flat()) if (item !== undefined) search.append(name, String(item));
  }
  return search.size === 0 ? '' : `?${search}`;
}
