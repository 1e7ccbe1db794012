/** The four kinds of what runs on, each opened as an employee's program would, through the agent. */
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { openControl } from '../../client-agent/control/open-control.ts';
import { openThroughAgent } from '../../deploy/quickstart/journey/through-agent.ts';
import type { PersonId } from '../../deploy/quickstart/state.ts';
import type { SteeredTriangle } from './steered-triangle.ts';

export const streamKinds = ['download', 'events', 'websocket', 'tunnel'] as const;
export type StreamKind = (typeof streamKinds)[number];

export interface Running {
  readonly kind: StreamKind;
  readonly app: 'wiki' | 'live' | 'echo';
  /** What has come so far, as text; of a download only its length counts. */
  heard(): string;
  bytes(): number;
  /** Resolves when something more has come, rejects when it ends before: proof that it runs. */
  runsOn(): Promise<void>;
  isOpen(): boolean;
  /** Resolves with `performance.now()` of its end, however it came. */
  readonly ended: Promise<number>;
  send(text: string): void;
  close(): void;
}

class Told implements Pick<Running, 'heard' | 'bytes' | 'isOpen' | 'ended'> {
  readonly ended: Promise<number>;
  #text = '';
  #bytes = 0;
  #open = true;
  #end: (at: number) => void = () => {};
  readonly #waiting = new Set<{
    readonly until: number;
    readonly done: () => void;
    readonly fail: (e: Error) => void;
  }>();

  constructor() {
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  heard = () => this.#text;
  bytes = () => this.#bytes;
  isOpen = () => this.#open;

  more = (bytes = 1): Promise<void> => {
    const until = this.#bytes + bytes;
    return new Promise((done, fail) => {
      if (this.#open) this.#waiting.add({ until, done, fail });
      else fail(new Error('the stream has ended'));
    });
  };

  hear(chunk: Buffer, keep: boolean): void {
    this.#bytes += chunk.length;
    if (keep) this.#text += chunk.toString();
    for (const one of this.#waiting) {
      if (this.#bytes < one.until) continue;
      this.#waiting.delete(one);
      one.done();
    }
  }

  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#end(performance.now());
    for (const { fail } of this.#waiting) fail(new Error(`the stream has ended after ${this.#bytes} bytes`));
  }
}

/** Resolves when it runs: after its first bytes. */
export async function openStream(triangle: SteeredTriangle, person: PersonId, kind: StreamKind): Promise<Running> {
  const port = triangle.portalPort(person);
  if (kind === 'download') return openHttp(port, kind, 'wiki', '/download?mb=200&rate=100');
  if (kind === 'events') return openHttp(port, kind, 'live', '/clock');
  if (kind === 'websocket') return openChat(port);
  return openTunnel(triangle.socketOf(person));
}

export function openStreams(
  triangle: SteeredTriangle,
  person: PersonId,
  kinds: readonly StreamKind[] = streamKinds,
): Promise<Running[]> {
  return Promise.all(kinds.map((kind) => openStream(triangle, person, kind)));
}

async function openHttp(port: number, kind: StreamKind, app: 'wiki' | 'live', path: string): Promise<Running> {
  const response = await openThroughAgent({ port, app, path });
  if (response.statusCode !== 200) {
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    throw new Error(`${app}${path}: ${response.statusCode} ${Buffer.concat(chunks).toString()}`);
  }
  const told = new Told();
  const first = told.more();
  response.on('data', (chunk: Buffer) => told.hear(chunk, kind !== 'download'));
  for (const event of ['error', 'close'] as const) response.once(event, () => told.end());
  await first;
  return { kind, app, ...told, runsOn: () => told.more(), send: () => {}, close: () => void response.destroy() };
}

async function openChat(port: number): Promise<Running> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`, { headers: { host: `live.localhost:${port}` } });
  const told = new Told();
  const first = told.more();
  socket.on('message', (data) => told.hear(Buffer.from(`${data.toString()}\n`), true));
  const failed = new Promise<never>((_, reject) => {
    socket.once('error', reject);
    socket.once('unexpected-response', (_request, response) => reject(new Error(`chat: ${response.statusCode}`)));
  });
  failed.catch(() => {});
  socket.on('error', () => told.end()).once('close', () => told.end());
  await Promise.race([first, failed]);
  const send = (text: string) => socket.send(text);
  const runsOn = () => {
    const more = told.more();
    if (told.isOpen()) send('still there');
    return more;
  };
  return { kind: 'websocket', app: 'live', ...told, runsOn, send, close: () => socket.terminate() };
}

async function openTunnel(agentSocket: string): Promise<Running> {
  const control = openControl(agentSocket);
  const socket: Duplex = await control.connect('echo', { hold: false });
  const told = new Told();
  const first = told.more();
  socket.on('data', (chunk: Buffer) => told.hear(chunk, true));
  for (const event of ['error', 'close', 'end'] as const) socket.once(event, () => told.end());
  socket.write('ticks\n');
  await first;
  const close = () => {
    socket.destroy();
    void control.stop();
  };
  const send = (text: string) => void socket.write(text);
  return { kind: 'tunnel', app: 'echo', ...told, runsOn: () => told.more(), send, close };
}
