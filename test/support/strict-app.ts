/**
 * An app that reads HTTP/1.1 to the letter and nothing else, and answers with what it took. It
 * shares no parser with what stands in front of it, so that it sees a smuggled request as an app would.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface Received {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  readonly trailers: string;
}

interface Test {
  teardown(close: () => unknown): void;
}

export interface StrictApp {
  readonly port: number;
  readonly received: Received[];
  /** Bytes that are no request. */
  readonly unread: string[];
  /** What was not whole when its connection ended. */
  readonly cut: string[];
  clear(): void;
}

/** Says what it took. */
function answerTo(request: Received): string {
  const text = told(request);
  const head = `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n`;
  return request.method === 'HEAD' ? head : head + text;
}

export const told = ({ method, target, body }: Received): string => `${method} ${target} ${body}`.trim();

export async function startStrictApp(t: Test): Promise<StrictApp> {
  const app = { received: [] as Received[], unread: [] as string[], cut: [] as string[] };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let text = '';
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      if (text !== '') app.cut.push(text);
    });
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      for (;;) {
        const read = readRequest(text);
        if (read === 'more') return;
        if (read === 'broken') {
          app.unread.push(text);
          text = '';
          socket.destroy();
          return;
        }
        text = text.slice(read.length);
        app.received.push(read.request);
        socket.write(answerTo(read.request), 'latin1');
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const clear = () => {
    for (const list of [app.received, app.unread, app.cut]) list.length = 0;
  };
  return { ...app, port: (server.address() as AddressInfo).port, clear };
}

const requestLine = /^([A-Z-]+) (\/[\x21-\x7e]*) HTTP\/1\.1$/;
const headerLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t\x20-\x7e\x80-\xff]*)$/;

function readRequest(text: string): 'more' | 'broken' | { request: Received; length: number } {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return 'more';
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const line = requestLine.exec(first);
  const headers = lines.map((one) => headerLine.exec(one));
  if (line === null || headers.includes(null)) return 'broken';
  const pairs = headers.map((match) => [match![1]!, match![2]!] as const);
  const values = (name: string) => pairs.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value);
  const [lengths, codings] = [values('content-length'), values('transfer-encoding')];
  if (values('host').length !== 1 || lengths.length + codings.length > 1) return 'broken';
  const rest = text.slice(end + 4);
  const request = { method: line[1]!, target: line[2]!, headers: pairs };
  if (codings.length === 1) {
    const body = codings[0] === 'chunked' ? readChunks(rest) : 'broken';
    if (typeof body === 'string') return body;
    return { request: { ...request, body: body.body, trailers: body.trailers }, length: end + 4 + body.length };
  }
  if (!/^\d*$/.test(lengths[0] ?? '')) return 'broken';
  const size = Number(lengths[0] ?? 0);
  if (rest.length < size) return 'more';
  return { request: { ...request, body: rest.slice(0, size), trailers: '' }, length: end + 4 + size };
}

function readChunks(text: string): 'more' | 'broken' | { body: string; trailers: string; length: number } {
  let body = '';
  for (let at = 0; ; ) {
    const end = text.indexOf('\r\n', at);
    if (end < 0) return 'more';
    const size = text.slice(at, end);
    if (!/^[0-9a-f]{1,8}$/i.test(size)) return 'broken';
    at = end + 2;
    const length = Number.parseInt(size, 16);
    if (length === 0) {
      if (text.startsWith('\r\n', at)) return { body, trailers: '', length: at + 2 };
      const last = text.indexOf('\r\n\r\n', at);
      return last < 0 ? 'more' : { body, trailers: text.slice(at, last), length: last + 4 };
    }
    if (text.length < at + length + 2) return 'more';
    body += text.slice(at, at + length);
    if (!text.startsWith('\r\n', at + length)) return 'broken';
    at += length + 2;
  }
}
