/** An app behind a chain of agent and gateway whose answers the test writes, and a client of the chain. */
import { once } from 'node:events';
import {
  type ClientRequest,
  createServer,
  type IncomingMessage,
  type Agent as NodeAgent,
  request,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

interface Test {
  teardown(close: () => unknown): void;
}

type Handler = (req: IncomingMessage, res: ServerResponse) => void;

export async function startRoutedApp(t: Test) {
  const routes = new Map<string, Handler>();
  const server = createServer({ maxHeaderSize: 64 * 1024 }, (req, res) =>
    (routes.get(req.url ?? '') ?? notFound)(req, res),
  );
  // `checkContinue` would hide what the app is asked.
  server.on('checkContinue', (req, res) => (routes.get(req.url ?? '') ?? notFound)(req, res));
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    server,
    /** Every connection that there ever was. */
    sockets,
    on: (path: string, handler: Handler) => void routes.set(path, handler),
  };
}

const notFound: Handler = (req, res) => {
  req.resume();
  res.writeHead(404).end();
};

export interface ChainAsk {
  readonly path: string;
  readonly app?: string;
  readonly method?: string;
  readonly headers?: Record<string, string | number | readonly string[]>;
  readonly agent?: NodeAgent;
}

/** A program's client of the agent's local side. */
export function clientOf(localPort: number) {
  const start = ({ path, app = 'wiki', method = 'GET', headers = {}, agent }: ChainAsk): ClientRequest =>
    request({
      host: '127.0.0.1',
      port: localPort,
      method,
      path,
      headers: { host: `${app}.localhost:${localPort}`, ...headers },
      maxHeaderSize: 64 * 1024,
      ...(agent === undefined ? { agent: false } : { agent }),
    });
  return {
    start,
    async ask(ask: ChainAsk, body?: string | Buffer) {
      const sent = start(ask);
      sent.end(body);
      return readWhole(await answerTo(sent));
    },
  };
}

export async function answerTo(sent: ClientRequest): Promise<IncomingMessage> {
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return answer;
}

export async function readWhole(answer: IncomingMessage) {
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const { statusCode: status = 0, headers, rawHeaders, trailers, rawTrailers } = answer;
  return { status, headers, rawHeaders, trailers, rawTrailers, body, text: body.toString() };
}

/** Resolves when it has ended, however it did; whether it was whole. */
export function ended(message: IncomingMessage): Promise<boolean> {
  message.on('error', () => {});
  message.resume();
  return new Promise((resolve) => message.on('close', () => resolve(message.complete)));
}
