/**
 * Runs analyses, each in a thread of its own: whatever it has to read and to judge, grants do not wait for it. A thread that
 * needs more memory than it may have ends, and nothing but its analysis with it.
 */
import { Worker } from 'node:worker_threads';
import type { Clock } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { OnProgress } from './replay.ts';
import type { TaskName, Tasks } from './tasks.ts';
import type { WorkerMessage, WorkerOrder } from './worker-messages.ts';

export interface AnalysisParts {
  /** Of the database. */
  readonly file: string;
  /** IANA name. */
  readonly timezone: string;
  readonly clock: Clock;
}

export interface Analysis<R> {
  /** Rejects when it failed, or was cancelled. */
  finish(onProgress: OnProgress): Promise<R>;
  /** Ends it at once; it leaves nothing behind, for it writes nothing. */
  cancel(): void;
}

const mostAtOnce = 2;
const maxHeapMb = 1024;

export class AnalysisDesk {
  readonly #parts: AnalysisParts;
  readonly #running = new Set<Worker>();

  constructor(parts: AnalysisParts) {
    this.#parts = parts;
  }

  /** Resolves once the order was found good. Throws what the task throws before that, and `conflict` when there are too many. */
  async begin<N extends TaskName>(name: N, order: Tasks[N]['order']): Promise<Analysis<Tasks[N]['result']>> {
    if (this.#running.size >= mostAtOnce) {
      const tell = 'Other analyses are running: wait for them, or end them.';
      throw new PosternError('conflict', `${mostAtOnce} analyses are running`, { tell });
    }
    const { file, timezone, clock } = this.#parts;
    const workerData: WorkerOrder = { file, timezone, now: clock.now(), name, order };
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      name: `policy ${name}`,
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
    });
    this.#running.add(worker);
    worker.once('exit', () => this.#running.delete(worker));
    return follow<Tasks[N]['result']>(worker);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running].map((worker) => worker.terminate()));
  }
}

function follow<R>(worker: Worker): Promise<Analysis<R>> {
  const ready = Promise.withResolvers<void>();
  const finished = Promise.withResolvers<R>();
  let tellProgress: OnProgress = () => {};
  let result: { readonly value: R } | undefined;
  let failure = new PosternError('unavailable', 'an analysis was ended');
  // Whoever begins may not have come to wait for the end.
  finished.promise.catch(() => {});
  worker.on('message', (message: WorkerMessage) => {
    if (message.t === 'ready') ready.resolve();
    else if (message.t === 'progress') tellProgress(message.done, message.total);
    else if (message.t === 'result') result = { value: message.result as R };
    else {
      const { code, message: text, tell, extra } = message;
      failure = new PosternError(code, text, {
        ...(tell === undefined ? {} : { tell }),
        ...(extra === undefined ? {} : { extra }),
      });
    }
  });
  worker.on('error', (cause) => {
    failure = new PosternError('internal', 'an analysis failed', { cause });
  });
  // Told once the thread is gone, so that the next one has its place.
  worker.on('exit', () => {
    ready.reject(failure);
    if (result === undefined) finished.reject(failure);
    else finished.resolve(result.value);
  });
  const analysis: Analysis<R> = {
    finish(onProgress) {
      tellProgress = onProgress;
      return finished.promise;
    },
    cancel: () => void worker.terminate(),
  };
  return ready.promise.then(() => analysis);
}
