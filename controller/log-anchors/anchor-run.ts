/** One place outside as this controller goes there: one checkpoint at a time. What came of each, and when the next may go, is in the store. */
import { type Clock, second } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import { backoff } from '../log-streams/retry.ts';
import type { LogAnchorRow } from '../store/log-anchor-tables.ts';
import type { Db } from '../store/open-store.ts';
import type { Anchor, AnchorOrder, Published } from './anchor.ts';
import { keepArrived, keepFailed, takeTurn } from './keep-outcome.ts';
import { settledBefore } from './settled-before.ts';
import { WitnessAhead, WitnessRefuses } from './witness-anchor.ts';

export interface AnchorRunParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
}

/** A place has so long to take a checkpoint. */
export const putMs = 60 * second;
/** A controller that took its turn and ended is waited for so long. */
export const turnMs = putMs + 10 * second;

export class AnchorRun {
  readonly #parts: AnchorRunParts;
  readonly #anchor: Anchor;
  #order: AnchorOrder;
  #tries = 0;
  #trouble: string | undefined;
  #pending = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** `open`: of a place that asks what stands there when it needs to know. */
  constructor(parts: AnchorRunParts, order: AnchorOrder, open: (order: () => AnchorOrder) => Anchor) {
    this.#parts = parts;
    this.#order = order;
    this.#anchor = open(() => this.#order);
  }

  get name(): string {
    return this.#order.name;
  }

  get isWitness(): boolean {
    return this.#order.kind === 'witness';
  }

  /** Why the last one did not arrive. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  isOf(row: LogAnchorRow | undefined): boolean {
    return row?.created_at === this.#order.born;
  }

  stands({ origin, size }: Published): boolean {
    return this.#order.origin === origin && this.#order.size >= size;
  }

  /** What another controller on the store may have brought there meanwhile. */
  follow({ origin, size, next_at: nextAt }: LogAnchorRow): void {
    const order = { ...this.#order, nextAt };
    // It may have been read a moment before what is known here was written.
    this.#order = origin === order.origin && size < order.size ? order : { ...order, origin, size };
  }

  isDue(at: number): boolean {
    const { nextAt, everyMs } = this.#order;
    // A time that lies further ahead than any is ever set comes of a clock that was ahead.
    return this.#pending === 0 && (nextAt <= at || nextAt > at + Math.max(everyMs, turnMs));
  }

  /** False when another controller goes. */
  takeTurn(at: number): Promise<boolean> {
    return takeTurn(this.#parts.db, this.#order, at + turnMs);
  }

  /** After what goes there already. Never rejects; resolves with why it is not there. `take`: what is to be added to the note. */
  put(published: Published, signal: AbortSignal, take?: (added: string) => void): Promise<Error | undefined> {
    const before = this.#last;
    const work = async () => {
      if (await settledBefore(before, signal)) return this.#put(published, signal, take);
      return new Error('it has not answered yet what it was asked before');
    };
    this.#pending += 1;
    const done = work().finally(() => {
      this.#pending -= 1;
    });
    this.#last = Promise.all([before, done]);
    return done;
  }

  close(): void {
    this.#anchor.close();
  }

  async #put(
    published: Published,
    signal: AbortSignal,
    take: (added: string) => void = () => {},
  ): Promise<Error | undefined> {
    try {
      take(await this.#anchor.put(published, signal));
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      await this.#failed(published, error);
      return error;
    }
    await this.#arrived(published);
    return undefined;
  }

  async #arrived(published: Published): Promise<void> {
    const { db, clock } = this.#parts;
    const { origin, size } = published;
    this.#order = { ...this.#order, origin, size };
    this.#tries = 0;
    this.#trouble = undefined;
    await this.#kept(keepArrived(db, clock.now(), this.#order, published));
  }

  async #failed({ size }: Published, error: Error): Promise<void> {
    const { db, clock, log } = this.#parts;
    const why = error.message;
    const at = clock.now();
    const nextAt = at + backoff(this.#tries, Math.random);
    this.#tries += 1;
    this.#trouble = why;
    if (this.#tries === 2)
      log.warn({ anchor: this.name, why }, 'a checkpoint did not reach a place outside; it is tried again');
    const grave = error instanceof WitnessAhead || error instanceof WitnessRefuses;
    await this.#kept(keepFailed(db, at, this.#order, { size, why, grave, nextAt }));
  }

  /** A disk that takes nothing changes nothing of what has arrived. */
  async #kept(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#parts.log.error({ err: error, anchor: this.name }, 'what came of a checkpoint outside could not be kept');
    }
  }
}
