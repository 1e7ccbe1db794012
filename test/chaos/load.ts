/** What many employees do at once, through real agents: requests, events, a WebSocket, a tunnel, each begun again when it ends. */
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { traceHeader } from '#shared/contracts/agent-to-gateway.ts';
import { openControl } from '../../client-agent/control/open-control.ts';
import type { PersonId } from '../../deploy/quickstart/state.ts';
import type { SteeredTriangle } from '../support/steered-triangle.ts';

export const loadApp = 'ledger';
const loopsPerPerson = 4;
const pauseMs = 25;
const patienceMs = 10_000;

export class Load {
  /** By status, or by why there was none. */
  readonly answers = new Map<string, number>();
  /** Traces under which the app's own answer came back. */
  readonly served: string[] = [];
  /** What came of each WebSocket, by its path. */
  readonly fates = new Map<string, string>();
  readonly #triangle: SteeredTriangle;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[];
  #count = 0;

  constructor(triangle: SteeredTriangle, people: readonly PersonId[]) {
    this.#triangle = triangle;
    this.#running = people.flatMap((person) => [
      ...Array.from({ length: loopsPerPerson }, () => this.#again(() => this.#ask(person))),
      this.#again(() => this.#follow(person)),
      this.#again(() => this.#chat(person)),
      this.#again(() => this.#tunnel(person)),
    ]);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
  }

  async #again(work: () => Promise<void>): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await work().catch((error: unknown) => this.#count1(String((error as Error).message).slice(0, 60)));
      await sleep(pauseMs);
    }
  }

  #count1(what: string): void {
    this.answers.set(what, (this.answers.get(what) ?? 0) + 1);
  }

  #path(kind: string, person: PersonId): string {
    this.#count += 1;
    return `/${kind}/${person}/${this.#count}`;
  }

  #place(person: PersonId) {
    const port = this.#triangle.portalPort(person);
    return { host: '127.0.0.1', port, headers: { host: `${loadApp}.localhost:${port}` } };
  }

  #ask(person: PersonId): Promise<void> {
    const method = this.#count % 3 === 0 ? 'POST' : 'GET';
    return this.#exchange(person, method, this.#path('r', person), patienceMs);
  }

  /** Until it ends by itself, or for a while: a kept one would never see a new grant asked for. */
  #follow(person: PersonId): Promise<void> {
    return this.#exchange(person, 'GET', this.#path('events', person), 5000);
  }

  #exchange(person: PersonId, method: string, path: string, ms: number): Promise<void> {
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(ms)]);
    return new Promise((resolve) => {
      const done = (what: string) => {
        this.#count1(what);
        resolve();
      };
      const request = httpRequest({ ...this.#place(person), method, path, agent: false, signal }, (response) => {
        const trace = response.headers[traceHeader];
        const isApps = response.statusCode === 200 && response.headers['postern-verdict'] === undefined;
        if (isApps && typeof trace === 'string') this.served.push(trace);
        response.on('error', () => {});
        response.resume().once('close', () => done(String(response.statusCode)));
      });
      request.once('error', (error) => done((error as NodeJS.ErrnoException).code ?? error.name));
      request.end(method === 'POST' ? 'x'.repeat(2000) : undefined);
    });
  }

  async #chat(person: PersonId): Promise<void> {
    const { port, headers } = this.#place(person);
    const path = this.#path('ws', person);
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
    const tell = (what: string) =>
      this.fates.set(path, `${this.fates.get(path) ?? ''}${what} ${new Date().toISOString()}; `);
    tell('begun');
    const stop = () => {
      tell(socket.readyState === WebSocket.OPEN ? 'killed while open' : 'killed before it was open');
      socket.terminate();
    };
    socket.once('open', () => tell('open'));
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(20_000)]);
    signal.addEventListener('abort', stop, { once: true });
    const timer = setInterval(() => {
      if (socket.readyState === WebSocket.OPEN) socket.send('still here');
    }, pauseMs);
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(timer);
    tell('closed');
    this.#count1('websocket ended');
  }

  async #tunnel(person: PersonId): Promise<void> {
    const control = openControl(this.#triangle.socketOf(person));
    try {
      const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(20_000)]);
      const given = once(signal, 'abort').then(() => Promise.reject(new Error('no tunnel in time')));
      given.catch(() => {});
      const connecting = control.connect('echo', { hold: false });
      // One that comes too late belongs to nobody, and would stay open for as long as its agent renews it.
      connecting.then(
        (late) => signal.aborted && late.destroy(),
        () => {},
      );
      const socket = await Promise.race([connecting, given]);
      signal.addEventListener('abort', () => socket.destroy(), { once: true });
      socket.on('error', () => {}).resume();
      socket.write(`${this.#path('tcp', person)}\n`);
      const timer = setInterval(() => socket.write('still here\n'), pauseMs);
      await new Promise((resolve) => socket.once('close', resolve));
      clearInterval(timer);
      this.#count1('tunnel ended');
    } finally {
      await control.stop();
    }
  }
}
