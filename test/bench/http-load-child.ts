/**
 * HTTP load with a client certificate, which wrk cannot send: connections that are kept open, on each the next request as
 * soon as the answer is whole. Counts the processor time of the servers in the same window in which it counts requests.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { answerCalls } from './child.ts';
import { deviceTls, dialWith } from './device.ts';
import { cpuNanos } from './processors.ts';

const warmMs = 300;

class Client {
  readonly #socket: TLSSocket;
  #head: Buffer = Buffer.alloc(0);
  #running = false;
  /** Bytes of a whole answer that came in one piece; every server here answers alike each time. */
  #whole = -1;
  #got: Buffer[] = [];
  answers = 0;
  wrong: string | undefined;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', (error) => {
      this.wrong = error.message;
    });
    socket.on('close', () => {
      this.wrong ??= 'the server closed the connection';
    });
  }

  begin(head: Buffer): void {
    this.#head = head;
    this.#running = true;
    this.#socket.write(head);
  }

  end(): void {
    this.#running = false;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #onData(chunk: Buffer): void {
    if (this.#got.length > 0 || chunk.length !== this.#whole || chunk.toString('latin1', 9, 12) !== '200') {
      this.#got.push(chunk);
      const answer = Buffer.concat(this.#got);
      if (!isWhole(answer)) return;
      if (answer.toString('latin1', 9, 12) !== '200') this.wrong = answer.toString('latin1', 0, 600);
      this.#got = [];
      this.#whole = answer.length;
    }
    this.answers += 1;
    if (this.#running && this.wrong === undefined) this.#socket.write(this.#head);
  }
}

function isWhole(answer: Buffer): boolean {
  const head = answer.indexOf('\r\n\r\n');
  if (head < 0) return false;
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(answer.toString('latin1', 0, head + 2))?.[1];
  if (length === undefined) throw new Error(`an answer without a length: ${answer.toString('latin1', 0, head)}`);
  return answer.length === head + 4 + Number(length);
}

const targets = new Map<string, Client[]>();

const calls = {
  async open(target: {
    readonly name: string;
    readonly dir: string;
    readonly port: number;
    readonly connections: number;
  }): Promise<void> {
    const tls = deviceTls(target.dir);
    const clients: Client[] = [];
    for (let n = 0; n < target.connections; n++) {
      clients.push(new Client(await dialWith(tls, target.port)));
    }
    targets.set(target.name, clients);
  },

  /** Asks for `ms` after a short while of warming up. */
  async run({
    name,
    head,
    ms,
    pids,
  }: {
    readonly name: string;
    readonly head: string;
    readonly ms: number;
    readonly pids: readonly number[];
  }): Promise<{ requests: number; ms: number; cpuNs: number; ownCpuNs: number }> {
    const clients = targets.get(name) ?? [];
    const answers = () => clients.reduce((sum, client) => sum + client.answers, 0);
    const bytes = Buffer.from(head);
    for (const client of clients) client.begin(bytes);
    await sleep(warmMs);
    const before = { at: performance.now(), answers: answers(), cpu: cpuNanos(pids), own: cpuNanos([process.pid]) };
    await sleep(ms);
    const measured = {
      requests: answers() - before.answers,
      ms: performance.now() - before.at,
      cpuNs: cpuNanos(pids) - before.cpu,
      ownCpuNs: cpuNanos([process.pid]) - before.own,
    };
    for (const client of clients) client.end();
    await sleep(50);
    const wrong = clients.find((client) => client.wrong !== undefined)?.wrong;
    if (wrong !== undefined) throw new Error(`${name}: ${wrong}`);
    if (measured.requests === 0) throw new Error(`${name} answered nothing`);
    return measured;
  },
};
export type HttpLoadCalls = typeof calls;
answerCalls(calls);
