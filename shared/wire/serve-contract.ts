/**
 * The listening end of a contract: Fastify routes whose requests, answers and statuses are held to the contract's schemas.
 * Order for each request: authorize (before a byte of the body is read), size, syntax, schema, handler, answer.
 */
import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { PosternError } from '../base/errors.ts';
import { traceHeader } from '../contracts/agent-to-gateway.ts';
import type { AnswerOf, BodyOf, Contract, ParamsOf, QueryOf, RouteShape } from '../contracts/route.ts';
import { defaultMaxBody } from '../contracts/route.ts';
import { type Peer, peerOf } from './admit-peer.ts';
import { compileRoute, type RouteChecks } from './check-route.ts';
import { traceOf } from './problem-reply.ts';

export interface Call<R extends RouteShape, Caller> {
  readonly params: ParamsOf<R>;
  readonly query: QueryOf<R>;
  readonly body: BodyOf<R>;
  /** What `authorize` returned for this request. */
  readonly caller: Caller;
  /** Who a guarded mutual server admitted; undefined on bootstrap servers and Unix sockets. */
  readonly peer: Peer | undefined;
  readonly trace: string;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

export interface StreamCall<R extends RouteShape, Caller> extends Call<R, Caller> {
  /**
   * Sends status 200 and the head, and hands over the raw response; errors thrown before are problem documents, errors
   * after it cut the connection. The response is ended when the handler's promise resolves, if it is not ended by then.
   */
  start(headers?: Readonly<Record<string, string>>): ServerResponse;
}

export type Handler<R extends RouteShape, Caller> = R extends { readonly stream: string }
  ? (call: StreamCall<R, Caller>) => Promise<void>
  : (call: Call<R, Caller>) => Promise<AnswerOf<R>> | AnswerOf<R>;

export type Handlers<C extends Contract, Caller> = { readonly [N in keyof C]: Handler<C[N], Caller> };

export interface ServeOptions<Caller> {
  /**
   * Runs before the body is read; throws to refuse. Must judge `route.access`: nothing else does. `request.params` and
   * `request.query` are not checked yet.
   */
  readonly authorize: (route: RouteShape, request: FastifyRequest) => Promise<Caller> | Caller;
}

type AnyHandler = (call: StreamCall<RouteShape, unknown>) => unknown;

/**
 * Registers every route of `contract`. Throws `invalid-config` when a route has no handler or no `access`, or a handler no
 * route. `problemReply(app, log)` must have been called on `app`.
 */
export function serveContract<C extends Contract, Caller>(
  app: FastifyInstance,
  contract: C,
  handlers: Handlers<C, Caller>,
  { authorize }: ServeOptions<Caller>,
): void {
  const table = handlers as Readonly<Record<string, AnyHandler | undefined>>;
  for (const [name, route] of Object.entries(contract)) {
    if (typeof table[name] !== 'function') throw unfit(`route ${name} has no handler`);
    if (!route.access) throw unfit(`route ${name} does not say who may call it`);
  }
  for (const name of Object.keys(table)) {
    if (!Object.hasOwn(contract, name)) throw unfit(`handler ${name} has no route`);
  }
  // A scope of its own: only JSON is parsed here, whatever else `app` accepts elsewhere. Not text/plain, above all, which
  // a web page may send across sites without asking.
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('application/json', { parseAs: 'string' }, scope.getDefaultJsonParser('error', 'error'));
    for (const [name, route] of Object.entries(contract)) {
      addRoute(scope, { name, route, handle: table[name]!, authorize, checks: compileRoute(name, route) });
    }
  });
}

interface Served {
  readonly name: string;
  readonly route: RouteShape;
  readonly handle: AnyHandler;
  readonly authorize: (route: RouteShape, request: FastifyRequest) => unknown;
  readonly checks: RouteChecks;
}

function addRoute(scope: FastifyInstance, served: Served): void {
  const { route, authorize } = served;
  const callers = new WeakMap<FastifyRequest, { caller: unknown }>();
  scope.route({
    method: route.method,
    url: route.path,
    exposeHeadRoute: false,
    bodyLimit: route.maxBody ?? defaultMaxBody,
    onRequest: async (request) => {
      callers.set(request, { caller: await authorize(route, request) });
    },
    handler: async (request, reply) => {
      const authorized = callers.get(request);
      if (authorized === undefined) throw new PosternError('internal', `route ${served.name} was not authorized`);
      return answer(served, request, reply, authorized.caller);
    },
  });
}

async function answer(served: Served, request: FastifyRequest, reply: FastifyReply, caller: unknown): Promise<unknown> {
  const { name, route, checks } = served;
  const trace = traceOf(request.raw);
  let started = false;
  const start = (headers: Readonly<Record<string, string>> = {}): ServerResponse => {
    if (route.stream === undefined) throw new PosternError('internal', `route ${name} is no stream`);
    if (started) return reply.raw;
    reply.hijack();
    started = true;
    reply.raw.writeHead(200, { ...streamHeaders(route.stream), [traceHeader]: trace, ...headers });
    reply.raw.flushHeaders();
    return reply.raw;
  };
  const peer = peerOf(request.raw.socket);
  const call = { ...checks.readRequest(request), caller, peer, trace, request, reply, start };
  let result: unknown;
  try {
    result = await served.handle(call as never);
  } catch (error) {
    // The head is out: only a broken connection tells the peer that what it has is not all.
    if (started) reply.raw.destroy(error instanceof Error ? error : undefined);
    if (!started) throw error;
    request.log.error({ err: error, trace }, `the stream of ${name} failed`);
    return reply;
  }
  if (started) {
    if (!reply.raw.writableEnded) reply.raw.end();
    return reply;
  }
  checks.checkAnswer(result, { status: reply.statusCode, isSent: reply.sent });
  reply.header('cache-control', 'no-store');
  if (route.answer === undefined) return reply.code(204).send();
  // A string: Fastify's serializer would coerce what it is given, and has seen none of our schemas.
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(result));
}

const mediaTypes = { sse: 'text/event-stream', ndjson: 'application/x-ndjson', bytes: 'application/octet-stream' };

function streamHeaders(stream: NonNullable<RouteShape['stream']>): Record<string, string> {
  return { 'content-type': mediaTypes[stream], 'cache-control': 'no-store' };
}

function unfit(why: string): PosternError {
  return new PosternError('invalid-config', `a contract cannot be served: ${why}`);
}
