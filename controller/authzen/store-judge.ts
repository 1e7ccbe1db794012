/**
 * Judges policy stores in a worker, one after the other: the largest take seconds, in which agents and gateways must have their
 * answers. Time and memory are bounded, and a worker that fails in any way is thrown away with its engine.
 */
import { Worker } from 'node:worker_threads';
import { second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { PolicyStoreFiles } from '#shared/contracts/admin-authzen.ts';
import type { StorePrepared } from './prepare-store.ts';

/** Far above what the largest store that is taken needs. */
const mostMs = 60 * second;
const mostHeapMb = 1024;
const idleMs = 30 * second;
const workerFile = new URL('./store-worker.ts', import.meta.url);

export class StoreJudge {
  #last: Promise<unknown> = Promise.resolve();
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #stopped = false;

  /** Throws `policy-too-slow` for what takes too long or too much memory, or breaks the engine. */
  judge(files: PolicyStoreFiles): Promise<StorePrepared> {
    const turn = this.#last.then(() => this.#run(files));
    this.#last = turn.catch(() => {});
    return turn;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#end();
  }

  async #run(files: PolicyStoreFiles): Promise<StorePrepared> {
    if (this.#stopped) throw new PosternError('unavailable', 'the controller is stopping');
    clearTimeout(this.#idle);
    const worker = this.#wake();
    try {
      const prepared = await ask(worker, files);
      // A worker keeps its memory, but the next store often follows soon.
      this.#idle = setTimeout(() => void this.#end(), idleMs).unref();
      worker.unref();
      return prepared;
    } catch (error) {
      await this.#end();
      throw error;
    }
  }

  #wake(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(workerFile, { resourceLimits: { maxOldGenerationSizeMb: mostHeapMb } });
    // Whoever waits hears of it in `ask`; one that ends while it is idle is not used again.
    worker.on('error', () => {});
    worker.once('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
    });
    this.#worker = worker;
    return worker;
  }

  async #end(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}

function ask(worker: Worker, files: PolicyStoreFiles): Promise<StorePrepared> {
  const { promise, resolve, reject } = Promise.withResolvers<StorePrepared>();
  const giveUp = (why: string) => reject(new PosternError('policy-too-slow', `a policy store was given up: ${why}`));
  const onError = (error: Error) => giveUp(error.message);
  const onExit = () => giveUp('the worker ended');
  const timer = setTimeout(() => giveUp(`not read after ${mostMs} ms`), mostMs);
  worker.once('message', resolve).once('error', onError).once('exit', onExit);
  // Its answer must be waited for, though an idle worker keeps no process alive.
  worker.ref();
  worker.postMessage(files);
  return promise.finally(() => {
    clearTimeout(timer);
    worker.off('message', resolve).off('error', onError).off('exit', onExit);
  });
}
