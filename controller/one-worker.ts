/**
 * A worker thread that takes orders one after the other: what takes seconds is done there, while agents and gateways have their
 * answers. Time and memory are bounded, and a worker that fails in any way is thrown away with all it loaded.
 */
import { Worker } from 'node:worker_threads';
import { second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';

const maxHeapMb = 1024;
/** A worker keeps its memory, but the next order often follows soon. */
const idleMs = 30 * second;

export interface OneWorkerOptions<Answer, Result> {
  /** Answers each message with one. */
  readonly file: URL;
  /** For the log: `a draft`. */
  readonly what: string;
  /** Far above what the largest order that is taken needs; a minute unless told. */
  readonly mostMs?: number | undefined;
  /** Orders that may wait; any number unless told. */
  readonly mostWaiting?: number;
  /** What it throws is thrown to whoever asked, and the worker is not used again. */
  readonly read: (answer: Answer) => Result;
}

export class OneWorker<Order, Answer, Result> {
  readonly #options: OneWorkerOptions<Answer, Result>;
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  readonly #waiting: (() => Promise<void>)[] = [];
  #running = false;
  #stopped = false;

  constructor(options: OneWorkerOptions<Answer, Result>) {
    this.#options = options;
  }

  /**
   * `first`: before all others that wait, however many. Throws `policy-too-slow` for what takes too long or too much memory, or ends
   * the worker, what `read` throws, and `conflict` when too many wait.
   */
  ask(order: Order, first = false): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const { mostWaiting = Number.POSITIVE_INFINITY } = this.#options;
      if (!first && this.#waiting.length >= mostWaiting) {
        const tell = `${mostWaiting} others wait already: try again in a while.`;
        throw new PosternError('conflict', tell, { tell });
      }
      const run = () => this.#run(order).then(resolve, reject);
      if (first) this.#waiting.unshift(run);
      else this.#waiting.push(run);
      if (!this.#running) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#running = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) await next();
    this.#running = false;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#end();
  }

  async #run(order: Order): Promise<Result> {
    if (this.#stopped) throw new PosternError('unavailable', 'the controller is stopping');
    clearTimeout(this.#idle);
    const worker = this.#wake();
    try {
      const result = this.#options.read(await this.#answer(worker, order));
      this.#idle = setTimeout(() => void this.#end(), idleMs).unref();
      return result;
    } catch (error) {
      await this.#end();
      throw error;
    }
  }

  #wake(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(this.#options.file, { resourceLimits: { maxOldGenerationSizeMb: maxHeapMb } });
    // Whoever waits hears of it in `#answer`; one that ends while it is idle is not used again.
    worker.on('error', () => {});
    worker.once('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
    });
    this.#worker = worker;
    return worker;
  }

  async #answer(worker: Worker, order: Order): Promise<Answer> {
    const { what, mostMs = 60 * second } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const giveUp = (why: string) => reject(new PosternError('policy-too-slow', `${what} was given up: ${why}`));
    const onError = (error: Error) => giveUp(error.message);
    const onExit = () => giveUp('the worker ended');
    const timer = setTimeout(() => giveUp(`not read after ${mostMs} ms`), mostMs);
    worker.once('message', resolve).once('error', onError).once('exit', onExit);
    // Its answer must be waited for, though an idle worker keeps no process alive.
    worker.ref();
    worker.postMessage(order);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      worker.off('message', resolve).off('error', onError).off('exit', onExit);
      worker.unref();
    }
  }

  async #end(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}
