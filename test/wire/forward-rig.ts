/** A raw app, a proxy around the forwarder and a raw client, all on loopback, for the tests of the forwarder. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Pool } from 'undici';
import { responseOnSocket } from '#shared/wire/forward-socket-response.ts';
import type { ForwardOptions, ForwardOutcome } from '#shared/wire/forward-types.ts';
import { forwardUpgrade } from '#shared/wire/forward-upgrade.ts';
import { startForward } from '#shared/wire/forwarder.ts';
import { toAppHeaders } from '#shared/wire/http-headers.ts';
import { isWebSocketUpgrade } from '#shared/wire/request-head.ts';

interface Test {
  teardown(close: () => unknown): void;
}

export const timeouts = { connectMs: 10_000, firstByteMs: 10_000, idleMs: 0 };

export interface Rig {
  readonly appPort: number;
  readonly port: number;
  /** In the order in which the requests ended. */
  readonly outcomes: ForwardOutcome[];
  /** The outcome with that index, as soon as it is there. */
  outcome(index?: number): Promise<ForwardOutcome>;
}

export async function listen(
  t: Test,
  server: { listen: Server['listen']; address: Server['address'] } & object,
): Promise<number> {
  const one = server as Server;
  one.listen(0, '127.0.0.1');
  await once(one, 'listening');
  t.teardown(() => {
    one.close();
    one.closeAllConnections?.();
  });
  return (one.address() as AddressInfo).port;
}

/** An app that is nothing but a TCP server, for answers that no HTTP library would send. */
export async function rawApp(t: Test, onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
  });
  return listen(t, server as unknown as Server);
}

export async function httpApp(t: Test, handler: (req: IncomingMessage, res: ServerResponse) => void): Promise<number> {
  return listen(t, createServer(handler));
}

/** The proxy in front of an app. A refusal is answered with the status and code of its error. */
export async function rig(t: Test, appPort: number, more: Partial<ForwardOptions> = {}): Promise<Rig> {
  const origin = `http://127.0.0.1:${appPort}`;
  const dispatcher = new Pool(origin);
  const outcomes: ForwardOutcome[] = [];
  const waiting: (() => void)[] = [];
  const options = (req: IncomingMessage): ForwardOptions => ({
    dispatcher,
    origin,
    method: req.method!,
    path: req.url!,
    headers: toAppHeaders(req.rawHeaders, { host: 'app.test' }),
    timeouts,
    ...more,
  });
  const onEnd = (outcome: ForwardOutcome, res: () => ServerResponse) => {
    outcomes.push(outcome);
    if (outcome.ended === 'refused') res().writeHead(outcome.error!.status).end(outcome.error!.code);
    if (outcome.ended === 'kept') res().writeHead(299).end(outcome.kept!.body);
    for (const wake of waiting.splice(0)) wake();
  };
  const server = createServer({ shouldUpgradeCallback: isWebSocketUpgrade, requestTimeout: 0 });
  server.on('request', (req: IncomingMessage, res: ServerResponse) => {
    void startForward(req, res, options(req)).done.then((outcome) => onEnd(outcome, () => res));
  });
  server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    const forwarding = forwardUpgrade(req, socket, head, options(req));
    void forwarding.done.then((outcome) => onEnd(outcome, () => responseOnSocket(req, socket)));
  });
  const port = await listen(t, server);
  t.teardown(() => dispatcher.destroy());
  const outcome = async (index = 0): Promise<ForwardOutcome> => {
    while (outcomes[index] === undefined) await new Promise<void>((resolve) => waiting.push(resolve));
    return outcomes[index];
  };
  return { appPort, port, outcomes, outcome };
}

/** A raw client connection that remembers what it read. */
export class Client {
  readonly socket: Socket;
  text = '';
  #wake: (() => void) | undefined;
  closed = false;

  constructor(t: Test, port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1');
      this.#wake?.();
    });
    this.socket.on('error', () => {});
    for (const event of ['end', 'close']) {
      this.socket.on(event, () => {
        this.closed = true;
        this.#wake?.();
      });
    }
    t.teardown(() => this.socket.destroy());
  }

  send(text: string | Buffer): this {
    this.socket.write(text, 'latin1');
    return this;
  }

  /** Waits until the text holds `part`, and fails when the connection ends before. */
  async until(part: string): Promise<string> {
    while (!this.text.includes(part)) {
      if (this.closed)
        throw new Error(`the connection ended without ${JSON.stringify(part)}: ${JSON.stringify(this.text)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.text;
  }

  async end(): Promise<string> {
    while (!this.closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.text;
  }
}

/** Until a count has not moved for 200 turns of the event loop: every buffer on the way is full. */
export async function untilStill(count: () => number): Promise<void> {
  for (let still = 0, last = -1; still < 200; ) {
    await new Promise((resolve) => setImmediate(resolve));
    still = count() === last && last > 0 ? still + 1 : 0;
    last = count();
  }
}
