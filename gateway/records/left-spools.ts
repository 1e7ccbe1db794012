/** Recovers the spools of writers that are gone; what a full disk refuses is tried again until it is done (P24). */
import { type Clock, second } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import { recoverSpools } from './recover-spool.ts';
import { type SpoolDirectory, writerOf } from './spool-directory.ts';

const retryMs = 2 * second;

export interface LeftSpoolsParts {
  readonly directory: SpoolDirectory;
  readonly clock: Clock;
  readonly log: Log;
}

export class LeftSpools {
  readonly #parts: LeftSpoolsParts;
  readonly #failed = new Set<string>();
  readonly #timer: NodeJS.Timeout;

  constructor(parts: LeftSpoolsParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => {
      for (const writer of this.#failed) this.recover(writer);
    }, retryMs).unref();
  }

  /** At start, when nobody writes yet. */
  recoverAll(): void {
    for (const writer of new Set(this.#parts.directory.list().map(writerOf))) this.recover(writer, 'whole');
  }

  /** `spool`: any segment of the writer that is gone. */
  recover(spool: string, depth: 'whole' | 'ends' = 'ends'): void {
    const { directory, clock, log } = this.#parts;
    const writer = writerOf(spool);
    try {
      const interrupted = recoverSpools(directory, directory.segmentsOf(writer), clock.now(), depth);
      this.#failed.delete(writer);
      if (interrupted > 0) log.warn({ spool: writer, interrupted }, 'accesses were interrupted');
    } catch (error) {
      this.#failed.add(writer);
      log.error({ err: error, spool: writer }, 'a spool could not be recovered yet');
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
