/** Starting in order, stopping in the reverse order, and telling a first signal from a second. */
import type { Log } from './log.ts';

export interface Stoppable {
  /** Must be safe to call once and must not throw for what is already closed. */
  stop(): Promise<void> | void;
}

export class Lifecycle {
  readonly #log: Log;
  readonly #parts: { name: string; part: Stoppable }[] = [];
  #stopping: Promise<void> | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Registers a started part; parts stop in the reverse order of their registration. */
  add<P extends Stoppable>(name: string, part: P): P {
    this.#parts.push({ name, part });
    return part;
  }

  /** Stops every part once, even when an earlier one fails. Later calls wait for the first. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<void> {
    for (const { name, part } of this.#parts.toReversed()) {
      try {
        await part.stop();
      } catch (error) {
        this.#log.error({ err: error, part: name }, 'could not stop a part cleanly');
      }
    }
  }
}

/** Stops on SIGINT and SIGTERM and exits 0; a second signal, or `graceMs` without an end, exits at once with 1. */
export function stopOnSignals(lifecycle: Pick<Lifecycle, 'stop'>, log: Log, graceMs = 10_000): void {
  let signalled = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (signalled) process.exit(1);
    signalled = true;
    log.info({ signal }, 'stopping');
    setTimeout(() => process.exit(1), graceMs).unref();
    void lifecycle.stop().then(() => process.exit(0));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}
