/**
 * Apps that write down what reaches them: the one witness that no part of Postern can talk into anything. Requests, messages of a
 * WebSocket and lines of a tunnel, each with whom it names and when it came.
 */
import { once } from 'node:events';
import { createServer, get, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { WebSocketServer } from 'ws';

export interface Arrival {
  /** `/r/emil/17`; of a stream the path it was opened with, or of a tunnel the line that named it. */
  readonly path: string;
  readonly person: string;
  /** `performance.now()`. */
  readonly at: number;
  /** A new request or stream, or something more on one. */
  readonly begins: boolean;
}

export class LedgerApps {
  readonly arrivals: Arrival[] = [];
  /** How each WebSocket ended, or that it goes on; by its path. */
  readonly streams = new Map<string, string>();
  readonly #http = createServer();
  readonly #tcp = createTcpServer();
  readonly #sockets = new Set<Socket>();
  readonly #ticking = new Map<ServerResponse, NodeJS.Timeout>();

  async start(): Promise<{ readonly http: number; readonly tcp: number }> {
    const webSockets = new WebSocketServer({ noServer: true });
    this.#http.on('request', (request, response) => {
      const path = request.url ?? '';
      if (path === '/barrier') return void response.end();
      this.#note(path, true);
      if (path.startsWith('/events/')) return this.#tick(response);
      request.resume().once('end', () => response.end(path));
    });
    this.#http.on('upgrade', (request, socket, head) => {
      const path = request.url ?? '';
      this.#note(path, true);
      socket.on('error', () => socket.destroy());
      webSockets.handleUpgrade(request, socket, head, (client) => {
        this.streams.set(path, 'goes on');
        client.on('error', () => client.terminate());
        client.once('close', (code) => this.streams.set(path, `closed with ${code} at ${new Date().toISOString()}`));
        client.on('message', (data) => {
          this.#note(path, false);
          client.send(String(data));
        });
      });
    });
    this.#tcp.on('connection', (socket) => this.#follow(socket));
    for (const server of [this.#http, this.#tcp]) {
      server.on('connection', (socket: Socket) => {
        this.#sockets.add(socket);
        socket.on('error', () => socket.destroy());
        socket.once('close', () => this.#sockets.delete(socket));
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
    return { http: portOf(this.#http.address()), tcp: portOf(this.#tcp.address()) };
  }

  /** When it resolves, whatever was on its way in the kernel when it was called has been written down. */
  async barrier(): Promise<void> {
    for (let round = 0; round < 3; round++) {
      const request = get({ port: portOf(this.#http.address()), path: '/barrier', agent: false });
      const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream];
      response.resume();
      await once(response, 'end');
    }
  }

  stop(): void {
    for (const timer of this.#ticking.values()) clearInterval(timer);
    for (const socket of this.#sockets) socket.destroy();
    this.#http.close();
    this.#tcp.close();
  }

  #note(path: string, begins: boolean): void {
    this.arrivals.push({ path, person: path.split('/')[2] ?? '', at: performance.now(), begins });
  }

  #tick(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const timer = setInterval(() => response.write('data: tick\n\n'), 50);
    this.#ticking.set(response, timer);
    response.once('close', () => clearInterval(timer));
  }

  /** The first line of a tunnel names it; every further one is something more on it. */
  #follow(socket: Socket): void {
    let path: string | undefined;
    socket.on('data', (chunk) => {
      this.#note(path ?? String(chunk).split('\n', 1)[0]!, path === undefined);
      path ??= String(chunk).split('\n', 1)[0]!;
      socket.write(chunk);
    });
  }
}

const portOf = (address: AddressInfo | string | null): number => (address as AddressInfo).port;
