/** Scheduled work: one ordered table, each job by itself, a failure told and tried again at its next turn. */
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';

export interface Job {
  readonly name: string;
  readonly everyMs: number;
  /** `at`: milliseconds of the controller's clock. */
  run(at: number): Promise<void> | void;
}

export class JobRunner {
  readonly #timers: NodeJS.Timeout[];
  readonly #running = new Set<Promise<void>>();

  constructor(jobs: readonly Job[], { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#timers = jobs.map((job) => {
      let busy = false;
      return setInterval(() => {
        // A turn that comes while the last still runs is skipped, not queued.
        if (busy) return;
        busy = true;
        const turn = Promise.resolve()
          .then(() => job.run(clock.now()))
          .catch((error: unknown) => log.error({ err: error, job: job.name }, 'a scheduled job failed'))
          .finally(() => {
            busy = false;
            this.#running.delete(turn);
          });
        this.#running.add(turn);
      }, job.everyMs);
    });
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all(this.#running);
  }
}
