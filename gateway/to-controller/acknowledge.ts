/** Tells the controller what has been applied and how many streams each change closed (P16): one call at a time, in order. */
import { second } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { ControllerLink } from './controller-link.ts';

interface Closed {
  readonly n: number;
  readonly streams: number;
}

const retryMs = second;
const maxClosed = 1000;

export class Acknowledger {
  readonly #link: Pick<ControllerLink, 'client'>;
  readonly #log: Log;
  #generation = '';
  #through = 0;
  #confirmed = -1;
  #closed: Closed[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending = false;
  #stopped = false;

  constructor(link: Pick<ControllerLink, 'client'>, log: Log) {
    this.#link = link;
    this.#log = log;
  }

  /** Change `n` of `generation` is in force in every worker; it closed `streams`. */
  applied(generation: string, n: number, streams: number): void {
    if (generation !== this.#generation) {
      this.#generation = generation;
      this.#closed = [];
      this.#confirmed = -1;
    }
    this.#through = n;
    if (streams > 0) this.#closed.push({ n, streams });
    this.#send();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #send(): void {
    if (this.#sending || this.#stopped || this.#confirmed === this.#through) return;
    clearTimeout(this.#timer);
    this.#sending = true;
    const body = { generation: this.#generation, through: this.#through, closed: this.#closed.slice(0, maxClosed) };
    this.#link.client.applied({ body }).then(
      () => {
        this.#sending = false;
        if (body.generation === this.#generation) {
          this.#confirmed = body.through;
          this.#closed = this.#closed.slice(body.closed.length);
        }
        this.#send();
      },
      (error: unknown) => {
        this.#sending = false;
        this.#log.warn({ err: error, through: body.through }, 'a change could not be acknowledged');
        if (!this.#stopped) this.#timer = setTimeout(() => this.#send(), retryMs);
      },
    );
  }
}
