/** Judges policy stores in a worker: the largest take seconds. */
import type { PolicyStoreFiles } from '#shared/contracts/admin-authzen.ts';
import { OneWorker } from '../one-worker.ts';
import type { StorePrepared } from './prepare-store.ts';

export class StoreJudge {
  readonly #worker = new OneWorker<PolicyStoreFiles, StorePrepared, StorePrepared>({
    file: new URL('./store-worker.ts', import.meta.url),
    what: 'a policy store',
    read: (prepared) => prepared,
  });

  /** Throws `policy-too-slow` for what takes too long or too much memory, or breaks the engine. */
  judge(files: PolicyStoreFiles): Promise<StorePrepared> {
    return this.#worker.ask(files);
  }

  stop(): Promise<void> {
    return this.#worker.stop();
  }
}
