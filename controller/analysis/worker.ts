/** The thread of one analysis: its own connection, which can only read, and its own event loop, which nobody else waits for. */
import { parentPort, workerData } from 'node:worker_threads';
import { asPosternError } from '#shared/base/errors.ts';
import { openReader } from '../store/open-store.ts';
import { type TaskName, type TaskParts, tasks } from './tasks.ts';
import type { WorkerMessage, WorkerOrder } from './worker-messages.ts';

/** Milliseconds between two words on how far it has come. */
const tellEveryMs = 250;

const { file, timezone, now, name, order } = workerData as WorkerOrder;
const tell = (message: WorkerMessage) => parentPort?.postMessage(message);

let toldAt = 0;
const parts = {
  timezone,
  now,
  ready: () => tell({ t: 'ready' }),
  onProgress(done: number, total: number) {
    if (performance.now() - toldAt < tellEveryMs) return;
    toldAt = performance.now();
    tell({ t: 'progress', done, total });
  },
};

try {
  const reader = openReader(file);
  const run = tasks[name as TaskName] as (parts: TaskParts, order: unknown) => Promise<unknown>;
  const result = await run({ ...parts, db: reader.db }, order);
  await reader.stop();
  tell({ t: 'result', result });
} catch (thrown) {
  const { code, message, tell: safe, extra } = asPosternError(thrown);
  tell({
    t: 'failed',
    code,
    message,
    ...(safe === undefined ? {} : { tell: safe }),
    ...(extra === undefined ? {} : { extra }),
  });
}
