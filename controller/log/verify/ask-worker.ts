/** One order to a thread of a verification, and its answer. */
import type { Worker } from 'node:worker_threads';
import { PosternError } from '#shared/base/errors.ts';

/** Throws `unavailable` when the thread was ended. */
export function askWorker<T>(worker: Worker, order: unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    const clear = () => worker.off('message', onMessage).off('error', onError).off('exit', onExit);
    const onMessage = (result: T) => {
      clear();
      resolve(result);
    };
    const onError = (cause: unknown) => {
      clear();
      reject(new PosternError('internal', 'the log could not be read', { cause }));
    };
    const onExit = () => {
      clear();
      reject(new PosternError('unavailable', 'the verification was ended'));
    };
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.postMessage(order);
  });
}
