/** Serves `agent.sock`. Plain `node:http`: a router and a schema compiler would cost the agent memory that it is measured by. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TSchema } from 'typebox';
import { Check } from 'typebox/value';
import { newTrace } from '#shared/base/bytes.ts';
import { asPosternError, PosternError } from '#shared/base/errors.ts';
import type { Stoppable } from '#shared/base/lifecycle.ts';
import type { Log } from '#shared/base/log.ts';
import { createServer } from '#shared/base/node-http.ts';
import type { RouteShape } from '#shared/contracts/route.ts';
import { listenUnix } from '#shared/wire/listen.ts';
import { writeNdjson } from '#shared/wire/ndjson.ts';
import type { Agent, LocalSide } from '../agent-api.ts';
import type { ClientDesk } from '../clients/client-desk.ts';
import { agentControl } from './control-contract.ts';
import { type ControlHandlers, controlHandlers } from './control-handlers.ts';
import { serveTunnel } from './serve-tunnel.ts';

export interface ControlParts {
  readonly agent: Agent;
  readonly local: LocalSide | undefined;
  readonly clients: ClientDesk;
  readonly path: string;
  readonly log: Log;
  readonly recentLogs: (() => readonly string[]) | undefined;
}

const maxBody = 16 * 1024;
/** `sun_path`: 108 bytes on Linux and 104 on macOS, with the zero at the end. */
const maxSocketPath = process.platform === 'darwin' ? 103 : 107;

/** Throws `conflict` when somebody else listens there, `invalid-config` when the path is too long. */
export async function startControl(parts: ControlParts): Promise<Stoppable> {
  if (Buffer.byteLength(parts.path) > maxSocketPath) {
    throw new PosternError('invalid-config', `${parts.path} is too long for a Unix socket: choose another "dir"`);
  }
  const handlers = controlHandlers(parts);
  const server: Server = createServer((request, response) => {
    answer(parts, handlers, request, response).catch((thrown: unknown) => sendProblem(response, thrown, parts.log));
  });
  const tunnels = new Set<Duplex>();
  server.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    tunnels.add(socket);
    socket.once('close', () => tunnels.delete(socket));
    void serveTunnel(parts.agent, { request, socket, head });
  });
  await listenUnix(server, parts.path);
  return {
    async stop() {
      for (const socket of tunnels) socket.destroy();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  { agent }: ControlParts,
  handlers: ControlHandlers,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // A web page that reaches a Unix socket through some helper of the system still says so.
  if (request.headers.origin !== undefined || request.headers['sec-fetch-site'] !== undefined) {
    throw new PosternError('local-refused', 'a browser at the control socket');
  }
  const url = new URL(request.url ?? '/', 'http://agent');
  const found = findRoute(request.method ?? '', url.pathname);
  if (found === undefined) throw new PosternError('not-found');
  const { name, route, params } = found;
  const query = Object.fromEntries(url.searchParams);
  require(route.params, params, 'the path');
  require(route.query, query, 'the query');
  const body = route.body === undefined ? undefined : await readJson(request);
  require(route.body, body, 'the body');
  if (name === 'events') {
    await streamEvents(agent, response);
    return;
  }
  const handler = handlers[name] as (call: unknown) => unknown;
  const result = await handler({ params, query, body });
  if (route.answer === undefined) response.writeHead(204).end();
  else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(result));
}

type RouteName = keyof typeof agentControl;

interface Found {
  readonly name: RouteName;
  readonly route: RouteShape;
  readonly params: Record<string, string>;
}

function findRoute(method: string, path: string): Found | undefined {
  const given = path.split('/');
  for (const [name, route] of Object.entries(agentControl) as [RouteName, RouteShape][]) {
    const wanted = route.path.split('/');
    if (route.method !== method || wanted.length !== given.length) continue;
    const params: Record<string, string> = {};
    const isMatch = wanted.every((part, at) => {
      if (!part.startsWith(':')) return part === given[at];
      params[part.slice(1)] = given[at]!;
      return true;
    });
    if (isMatch) return { name, route, params };
  }
  return undefined;
}

function require(schema: TSchema | undefined, value: unknown, place: string): void {
  if (schema !== undefined && !Check(schema, value)) {
    throw new PosternError('bad-request', undefined, { tell: `${place} is not what is expected here` });
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBody) throw new PosternError('body-too-large');
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    // No cause: it quotes the body, which may hold a password.
    throw new PosternError('bad-request', undefined, { tell: 'the body is not JSON' });
  }
}

async function streamEvents(agent: Agent, response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.flushHeaders();
  const writer = writeNdjson(response, { maxBuffered: 1024 * 1024 });
  const off = agent.on((event) => writer.send(event));
  // Those that wait already, so that a command that comes later can tell of them.
  for (const hold of agent.holds()) writer.send({ type: 'hold', hold });
  await writer.closed;
  off();
}

function sendProblem(response: ServerResponse, thrown: unknown, log: Log): void {
  const error = asPosternError(thrown);
  if (error.code === 'internal') log.error({ err: error }, 'the control socket failed');
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const problem = JSON.stringify(error.toProblem(newTrace()));
  response.writeHead(error.status, { 'content-type': 'application/problem+json', connection: 'close' }).end(problem);
}
