/**
 * A port that this process has while the other one of the host does not want it. Taking it is tried again until it is free: whoever
 * had it may be ending, and its children a moment later.
 */
import { PosternError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';

export interface StandInOptions {
  /** As the log names it: `TCP port 443`. */
  readonly name: string;
  /** Throws `conflict` where it is taken. */
  readonly open: () => Promise<void>;
  /** Resolves when another process may have it. */
  readonly close: () => Promise<void> | void;
  readonly log: Log;
}

const againMs = 250;
/** Somebody else has it, and not the one who would say so. */
const triesBeforeWarning = 40;

export class StandIn {
  readonly #options: StandInOptions;
  #isWanted = false;
  #isOpen = false;
  #tries = 0;
  #timer: NodeJS.Timeout | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(options: StandInOptions) {
    this.#options = options;
  }

  /** Resolves after the first try. Throws what is no matter of time. */
  take(): Promise<void> {
    this.#isWanted = true;
    this.#tries = 0;
    return this.#next();
  }

  /** Resolves when the port is free. */
  give(): Promise<void> {
    this.#isWanted = false;
    clearTimeout(this.#timer);
    return this.#next();
  }

  #next(): Promise<void> {
    const next = this.#last.then(() => this.#step());
    this.#last = next.catch(() => {});
    return next;
  }

  async #step(): Promise<void> {
    const { name, open, close, log } = this.#options;
    if (this.#isWanted === this.#isOpen) return;
    if (!this.#isWanted) {
      await close();
      this.#isOpen = false;
      return;
    }
    try {
      await open();
      this.#isOpen = true;
      log.info({ port: name }, 'stands in at the shared port');
    } catch (error) {
      if (!(error instanceof PosternError) || error.code !== 'conflict') throw error;
      this.#tries += 1;
      if (this.#tries === triesBeforeWarning) {
        log.warn(
          { err: error, port: name },
          'the shared port is taken, and no gateway has claimed it: is share.dir the same there?',
        );
      }
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => {
        this.#next().catch((again: unknown) =>
          log.error({ err: again, port: name }, 'the shared port cannot be taken'),
        );
      }, againMs);
    }
  }
}
