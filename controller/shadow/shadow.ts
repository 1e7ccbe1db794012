/**
 * A draft beside the version in force: each decision on a grant is judged by both, and where they disagree is counted. The draft
 * never decides anything: it runs in a thread of its own, gets copies of what was decided, and what it cannot keep up with
 * is left out and counted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { type Clock, day, minute, second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import type { Decided } from '../grants/record-decision.ts';
import type { PolicyFile } from '../policy/parse-policies.ts';
import type { Db } from '../store/open-store.ts';
import { addSums, beginRun, type EndedBecause, endRun, runningRun, type ShadowRun, type Who } from './shadow-runs.ts';
import type { ShadowOrder, ShadowWord } from './worker.ts';

export interface ShadowParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  /** Of the thread; the product's unless told. */
  readonly workerFile?: URL;
  /** Milliseconds that a look waits for the draft; 3 s unless told. */
  readonly patienceMs?: number;
}

/** Decisions that may wait for the draft. */
const mostWaiting = 1000;
const maxHeapMb = 512;
const patienceMs = 3 * second;
export const shadowLimits = { least: minute, most: 90 * day } as const;

interface Running {
  readonly run: ShadowRun;
  readonly worker: Worker;
  /** Resolves when the draft is compiled, or its thread has ended. */
  readonly ready: PromiseWithResolvers<void>;
  /** Set by the next word on its sums. */
  told: PromiseWithResolvers<void> | undefined;
  waiting: number;
  missed: number;
}

export class Shadow {
  readonly #parts: ShadowParts;
  #running: Running | undefined;

  constructor(parts: ShadowParts) {
    this.#parts = parts;
  }

  /** At the start of the process: a run that was under way goes on, unless its time is over. */
  async resume(): Promise<void> {
    const run = await runningRun(this.#parts.db);
    if (run === undefined) return;
    if (run.ends_at <= this.#parts.clock.now()) await this.#close(run, 'time');
    else this.#wake(run);
  }

  /** `files` were found valid. Throws `conflict` while another runs. */
  async start(files: readonly PolicyFile[], forMs: number, who: Who): Promise<ShadowRun> {
    const { db, clock } = this.#parts;
    const at = clock.now();
    const run = await db.transaction().execute((trx) => beginRun(trx, at, { files, endsAt: at + forMs, who }));
    // What is decided from the answer on is judged.
    await this.#wake(run).ready.promise;
    return run;
  }

  /** Throws `not-found` when none runs. */
  async end(who: Who): Promise<void> {
    const run = await runningRun(this.#parts.db);
    if (run === undefined)
      throw new PosternError('not-found', 'no draft runs', { tell: 'No draft runs beside the version in force.' });
    await this.#running?.ready.promise;
    await this.look();
    await this.#close(run, 'stopped', who);
  }

  /** Hears of every decision after its commit. Only hands it on; never throws. */
  readonly decided = (decided: Decided): void => {
    const running = this.#running;
    if (running === undefined || decided.record.time >= running.run.ends_at) return;
    if (running.waiting >= mostWaiting) {
      running.missed += 1;
      return;
    }
    running.waiting += 1;
    try {
      running.worker.postMessage({ t: 'decided', decided } satisfies ShadowOrder);
    } catch (error) {
      this.#parts.log.warn({ err: error }, 'a decision could not be shown to the draft beside it');
    }
  };

  /** A job: takes the sums into the store, and ends a run whose time is over. */
  async look(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    if (running.told === undefined) {
      running.told = Promise.withResolvers<void>();
      running.worker.postMessage({ t: 'tell' } satisfies ShadowOrder);
    }
    // A draft that hangs holds nobody up: what it has not told by then it tells the next time, if ever.
    await Promise.race([running.told.promise, sleep(this.#parts.patienceMs ?? patienceMs, undefined, { ref: false })]);
    if (running === this.#running && running.run.ends_at <= this.#parts.clock.now())
      await this.#close(running.run, 'time');
  }

  /** The run goes on when the controller is back. */
  async stop(): Promise<void> {
    await this.look();
    const worker = this.#running?.worker;
    this.#running = undefined;
    await worker?.terminate();
  }

  #wake(run: ShadowRun): Running {
    const file = this.#parts.workerFile ?? new URL('./worker.ts', import.meta.url);
    const worker = new Worker(file, {
      name: 'shadow draft',
      workerData: { files: JSON.parse(run.files) as PolicyFile[] },
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
    });
    const ready = Promise.withResolvers<void>();
    const running: Running = { run, worker, ready, told: undefined, waiting: 0, missed: 0 };
    this.#running = running;
    worker.unref();
    worker.on('message', (word: ShadowWord) => void this.#hear(running, word));
    worker.on('error', (error) => {
      this.#parts.log.warn({ err: error, run: run.id }, 'the draft beside the version in force has failed');
    });
    worker.once('exit', () => {
      running.told?.resolve();
      running.ready.resolve();
      if (this.#running === running) void this.#close(run, 'failed');
    });
    return running;
  }

  async #hear(running: Running, word: ShadowWord): Promise<void> {
    if (word.t === 'unreadable') {
      this.#parts.log.warn(
        { run: running.run.id, why: word.message },
        'the draft beside the version in force cannot be read',
      );
      return this.#close(running.run, 'unreadable');
    }
    if (word.t === 'ready') running.ready.resolve();
    if (word.t !== 'sums') return;
    const { told, missed } = running;
    running.told = undefined;
    running.waiting -= word.taken;
    running.missed = 0;
    try {
      if (word.judged + word.failed + missed > 0)
        await this.#parts.db.transaction().execute((trx) => addSums(trx, running.run.id, word, missed));
    } catch (error) {
      this.#parts.log.error({ err: error }, 'disagreements of a draft could not be stored');
    }
    told?.resolve();
  }

  async #close(run: ShadowRun, because: EndedBecause, who: Who = { actor: 'controller' }): Promise<void> {
    const { db, clock, log } = this.#parts;
    const running = this.#running;
    if (running?.run.id === run.id) this.#running = undefined;
    try {
      await db.transaction().execute((trx) => endRun(trx, clock.now(), run.id, because, who));
    } catch (error) {
      if (who.actor !== 'controller') throw error;
      log.error({ err: error }, 'the end of a draft beside the version in force could not be recorded');
    }
    running?.told?.resolve();
    if (running?.run.id === run.id) await running.worker.terminate();
  }
}
