/**
 * Receivers of records as their documentation has them: Splunk's HTTP Event Collector, the bulk API of Elasticsearch, OTLP over HTTP.
 * Each takes what its API takes and nothing else, and remembers what it took.
 */
import { createServer as createPlain, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecure } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Test } from 'tap';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';

export type ReceiverKind = 'splunk' | 'elasticsearch' | 'otlp';
type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void | Promise<void>;

export interface Receiver {
  readonly url: string;
  readonly port: number;
  /** By id, how often each came and was taken. */
  readonly taken: Map<string, number>;
  /** Requests, taken or not. */
  readonly requests: { readonly path: string; readonly headers: IncomingMessage['headers']; readonly status: number }[];
  /** Complaints about what it was sent. */
  readonly wrong: string[];
  /** Instead of the API's answer; undefined for that again. */
  instead: Answer | undefined;
  /** Ids that it refuses for what they are. */
  readonly poison: Set<string>;
  until(what: () => boolean, why: string): Promise<void>;
  stop(): Promise<void>;
}

export interface ReceiverOptions {
  readonly port?: number;
  /** PEM, for https. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** The header `authorization` that it wants. */
  readonly authorization?: string;
}

export async function startReceiver(t: Test, kind: ReceiverKind, options: ReceiverOptions = {}): Promise<Receiver> {
  const sockets = new Set<Socket>();
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    request.setEncoding('utf8');
    for await (const chunk of request) body += chunk;
    response.once('finish', () =>
      receiver.requests.push({ path: request.url!, headers: request.headers, status: response.statusCode }),
    );
    if (receiver.instead !== undefined) return receiver.instead(request, response, body);
    const { status, answer } = judge(request, body);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  };
  const listener = (request: IncomingMessage, response: ServerResponse) =>
    void handle(request, response).catch((error: Error) => {
      receiver.wrong.push(error.message);
      response.destroy();
    });
  const server = options.tls === undefined ? createPlain(listener) : createSecure(options.tls, listener);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  const take = (id: string) => receiver.taken.set(id, (receiver.taken.get(id) ?? 0) + 1);

  function judge(request: IncomingMessage, body: string): { status: number; answer: object } {
    const wanted = options.authorization;
    if (request.method !== 'POST') throw new Error(`${request.method} ${request.url}`);
    if (wanted !== undefined && request.headers.authorization !== wanted) {
      return kind === 'splunk'
        ? { status: 403, answer: { text: 'Invalid token', code: 4 } }
        : { status: 401, answer: { error: 'security_exception' } };
    }
    return { splunk: hec, elasticsearch: bulk, otlp }[kind](request, body);
  }

  function hec(request: IncomingMessage, body: string) {
    if (request.url !== '/services/collector/event') throw new Error(`HEC at ${request.url}`);
    const events = body
      .split('\n')
      .map((line) => JSON.parse(line) as { event?: { id: string }; time: number; fields: { record_id: string } });
    const bad = events.findIndex(({ event }) => event === undefined || receiver.poison.has(event.id));
    if (bad >= 0) return { status: 400, answer: { text: 'Invalid data format', code: 6, 'invalid-event-number': bad } };
    for (const { event, fields, time } of events) {
      if (fields.record_id !== event!.id || !(time >= 0)) receiver.wrong.push(`event ${JSON.stringify(fields)}`);
      take(event!.id);
    }
    return { status: 200, answer: { text: 'Success', code: 0 } };
  }

  function bulk(request: IncomingMessage, body: string) {
    if (!request.url!.startsWith('/_bulk')) throw new Error(`bulk at ${request.url}`);
    if (request.headers['content-type'] !== 'application/x-ndjson') throw new Error('bulk wants NDJSON');
    if (!body.endsWith('\n')) throw new Error('the bulk body must end with a newline');
    const lines = body.slice(0, -1).split('\n');
    const items: object[] = [];
    let errors = false;
    for (let at = 0; at < lines.length; at += 2) {
      const { create } = JSON.parse(lines[at]!) as { create: { _index: string; _id: string } };
      JSON.parse(lines[at + 1]!);
      const { _id, _index } = create;
      if (receiver.poison.has(_id)) {
        errors = true;
        items.push({
          create: { status: 400, error: { type: 'document_parsing_exception', reason: 'failed to parse' } },
        });
      } else if (receiver.taken.has(_id)) {
        errors = true;
        receiver.taken.set(_id, receiver.taken.get(_id)! + 1);
        items.push({ create: { status: 409, error: { type: 'version_conflict_engine_exception', reason: 'exists' } } });
      } else {
        take(_id);
        items.push({ create: { status: 201, _index } });
      }
    }
    return { status: 200, answer: { errors, items } };
  }

  function otlp(request: IncomingMessage, body: string) {
    if (request.url !== '/v1/logs') throw new Error(`OTLP at ${request.url}`);
    if (request.headers['content-type'] !== 'application/json') throw new Error('OTLP wants JSON');
    type Body = {
      resourceLogs: {
        scopeLogs: { logRecords: { attributes: { key: string; value: { stringValue: string } }[] }[] }[];
      }[];
    };
    const records = (JSON.parse(body) as Body).resourceLogs.flatMap(({ scopeLogs }) =>
      scopeLogs.flatMap(({ logRecords }) => logRecords),
    );
    const ids = records.map(
      ({ attributes }) => attributes.find(({ key }) => key === 'log.record.uid')!.value.stringValue,
    );
    const bad = ids.filter((id) => receiver.poison.has(id));
    for (const id of ids) if (!receiver.poison.has(id)) take(id);
    return {
      status: 200,
      answer:
        bad.length === 0 ? {} : { partialSuccess: { rejectedLogRecords: String(bad.length), errorMessage: 'no' } },
    };
  }

  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const stop = () =>
    new Promise<void>((resolve) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => resolve());
    });
  t.teardown(stop);
  const receiver: Receiver = {
    url: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    taken: new Map(),
    requests: [],
    wrong: [],
    instead: undefined,
    poison: new Set(),
    until: (what, why) =>
      untilItWorks(async () => {
        if (!what())
          throw new Error(
            `${why}: ${receiver.taken.size} taken, ${JSON.stringify(receiver.requests.slice(-3))} ${receiver.wrong.slice(0, 3)}`,
          );
      }, 40_000),
    stop,
  };
  return receiver;
}
