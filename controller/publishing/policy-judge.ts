/**
 * Judges drafts in a worker, one after the other: reading 5,000 policies takes seconds, in which agents and gateways must have
 * their answers. Time and memory are bounded, and a worker that fails in any way is thrown away with its engine.
 */
import { Worker } from 'node:worker_threads';
import { second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { Judged, PolicyDraft } from '../policy/judge-draft.ts';
import type { Known } from '../policy/known.ts';
import type { JudgeOrder } from './judge-worker.ts';

/** Throws `policy-invalid` when the draft breaks the engine, `policy-too-slow` when it takes too long or too much memory. */
export type Judge = (draft: PolicyDraft, known?: Known) => Promise<Judged>;

/** Far above what the largest version that is taken needs. */
const mostMs = 60 * second;
const mostHeapMb = 1024;
/** An idle worker keeps its memory; the next draft often follows soon. */
const idleMs = 30 * second;

const workerFile = new URL('./judge-worker.ts', import.meta.url);

interface Answer {
  readonly judged?: Judged;
  readonly failed?: string;
}

export class PolicyJudge {
  readonly #mostMs: number;
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #stopped = false;

  constructor(limits: { readonly mostMs?: number } = {}) {
    this.#mostMs = limits.mostMs ?? mostMs;
  }

  readonly judge: Judge = (draft, known) => {
    const turn = this.#last.then(() => this.#run({ draft, known }));
    this.#last = turn.catch(() => {});
    return turn;
  };

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#end();
  }

  async #run(order: JudgeOrder): Promise<Judged> {
    if (this.#stopped) throw new PosternError('unavailable', 'the controller is stopping');
    clearTimeout(this.#idle);
    const worker = this.#wake();
    try {
      const { judged, failed } = await this.#ask(worker, order);
      if (judged !== undefined) {
        this.#idle = setTimeout(() => void this.#end(), idleMs).unref();
        return judged;
      }
      const tell = 'The engine cannot read this policy.';
      throw new PosternError('policy-invalid', `the engine broke on a draft: ${failed}`, { tell });
    } catch (error) {
      await this.#end();
      throw error;
    }
  }

  #wake(): Worker {
    if (this.#worker === undefined) {
      this.#worker = new Worker(workerFile, { resourceLimits: { maxOldGenerationSizeMb: mostHeapMb } });
      // One that ends by itself is not used again; whoever waits hears of it in `#ask`.
      this.#worker.on('error', () => {});
      this.#worker.once('exit', () => {
        this.#worker = undefined;
      });
      this.#worker.unref();
    }
    return this.#worker;
  }

  #ask(worker: Worker, order: JudgeOrder): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      const slow = (why: string) => reject(new PosternError('policy-too-slow', `a draft was given up: ${why}`));
      const timer = setTimeout(() => slow(`not read after ${this.#mostMs} ms`), this.#mostMs);
      const onError = (error: Error) => slow(error.message);
      const onExit = () => slow('the worker ended');
      const settle = (answer: Answer) => {
        clearTimeout(timer);
        worker.off('error', onError).off('exit', onExit);
        resolve(answer);
      };
      worker.once('message', settle);
      worker.once('error', onError);
      worker.once('exit', onExit);
      // Its answer must be waited for, though an idle worker keeps no process alive.
      worker.ref();
      worker.postMessage(order);
    }).finally(() => worker.unref());
  }

  async #end(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}
