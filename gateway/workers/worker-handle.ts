/** One worker as its primary sees it: questions with answers, and an end that cannot be missed. */
import type { Worker } from 'node:cluster';
import { PosternError } from '#shared/base/errors.ts';
import type { Place } from './data-plane.ts';
import type { FromWorker, RenewOrder, ToWorker, WorkerStart } from './worker-messages.ts';

export interface WorkerEvents {
  readonly onRenewAll: (from: WorkerHandle, id: number, order: RenewOrder) => void;
  readonly onUnknownKey: () => void;
  readonly onCameIn: () => void;
  readonly onCounter: (from: WorkerHandle, id: number, key: string, counter: number) => void;
  /** `wanted`: the primary asked for it. */
  readonly onExit: (worker: WorkerHandle, wanted: boolean) => void;
}

export class WorkerHandle {
  /** The segment it writes to now. */
  spool: string;
  /** True once it serves; before, there is nothing in it that a change could take back. */
  isReady = false;
  readonly ready: Promise<Place>;
  readonly ended: Promise<void>;
  /** Somebody ended it by a signal (the kernel for want of memory, an operator), and not it itself. */
  wasKilled = false;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (value: unknown) => void>();
  #nextId = 1;
  #wanted = false;

  constructor(worker: Worker, start: WorkerStart, events: WorkerEvents) {
    this.#worker = worker;
    this.spool = start.spool;
    const ready = Promise.withResolvers<Place>();
    const ended = Promise.withResolvers<void>();
    this.ready = ready.promise;
    this.ended = ended.promise;
    // Whoever waits for it handles it; nobody has to.
    this.ready.catch(() => {});
    worker.on('message', (message: FromWorker) => {
      if (message.t === 'ready') {
        this.isReady = true;
        ready.resolve(message.place);
      } else if (message.t === 'spool') this.spool = message.spool;
      else if (message.t === 'failed') ready.reject(new PosternError('internal', `a worker failed: ${message.why}`));
      else if (message.t === 'answer') this.#answer(message.id, message.value);
      else if (message.t === 'renew-all') events.onRenewAll(this, message.id, message.order);
      else if (message.t === 'counter') events.onCounter(this, message.id, message.key, message.counter);
      else if (message.t === 'came-in') events.onCameIn();
      else if (message.t === 'unknown-key') events.onUnknownKey();
    });
    worker.on('error', () => {});
    worker.once('exit', (_code: number, signal: string | null) => {
      this.wasKilled = signal !== null;
      ready.reject(new PosternError('internal', 'a worker ended before it served'));
      for (const id of [...this.#waiting.keys()]) this.#answer(id, undefined);
      ended.resolve();
      events.onExit(this, this.#wanted);
    });
    this.send({ t: 'start', start });
  }

  get pid(): number | undefined {
    return this.#worker.process.pid;
  }

  send(message: ToWorker): void {
    if (this.#worker.isConnected()) this.#worker.send(message, undefined, () => {});
  }

  /** The answer; undefined when the worker has ended, or has not answered within `ms`. */
  ask(question: (id: number) => ToWorker, ms: number): Promise<unknown> {
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#answer(id, undefined), ms);
      this.#waiting.set(id, (value) => {
        clearTimeout(timer);
        resolve(value);
      });
      if (this.#worker.isDead()) this.#answer(id, undefined);
      else this.send(question(id));
    });
  }

  kill(): void {
    this.#worker.process.kill('SIGKILL');
  }

  /** Asks it to end; kills it when it has not within `ms`. */
  async stop(ms: number): Promise<void> {
    this.#wanted = true;
    this.send({ t: 'stop' });
    const timer = setTimeout(() => this.kill(), ms);
    await this.ended;
    clearTimeout(timer);
  }

  #answer(id: number, value: unknown): void {
    const settle = this.#waiting.get(id);
    this.#waiting.delete(id);
    settle?.(value);
  }
}
