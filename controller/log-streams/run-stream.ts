/**
 * One stream: from its position on, batch after batch, for as long as it is wanted. What has arrived is kept before the next batch is
 * read, so that a process killed at any moment sends again and loses nothing. What a target refuses for good is narrowed down to the one
 * record, tried again, and then put aside on record.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, second } from '#shared/base/clock.ts';
import type { PageOrder, PlacedRecord } from '../log/page-records.ts';
import { backoff } from './retry.ts';
import type { StreamKeeper, StreamOrder, StreamState } from './stream-order.ts';
import { type Outcome, type Sender, Trouble } from './target.ts';

export interface RunParts {
  readonly read: (order: PageOrder) => Promise<{ records: readonly PlacedRecord[]; more: boolean }>;
  readonly keeper: StreamKeeper;
  readonly sender: Sender;
  readonly tell: (state: StreamState) => void;
  readonly clock: Clock;
  readonly random?: () => number;
  /** For tests: other than the real waiting. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

const most = 500;
/** As they are stored; as they are sent they have two or three times as many. Far below what receivers take at once, and what this thread may have. */
const mostBytes = 1_000_000;
/** How often one looks for new records. */
export const pollMs = 500;
/** What was sent to a target that does not answer waits at most so long, and is at most so much, until it is confirmed. */
const confirmMs = 5 * second;
const confirmRecords = 5000;
/** A record that is refused by itself so often is put aside. */
const refusals = 3;
/** When so many in a row were, with nothing taken between them, it is not the records. */
const mostAsides = 5;

const realWait = (ms: number, signal: AbortSignal): Promise<void> => sleep(ms, undefined, { signal }).catch(() => {});

export class StreamRun {
  readonly #order: StreamOrder;
  readonly #parts: RunParts;
  readonly #stop = new AbortController();
  readonly #ending = new AbortController();
  readonly #wait: NonNullable<RunParts['wait']>;
  #until: number;
  /** Arrived, and kept as such. */
  #acked: number;
  #sent: number;
  #unconfirmed = 0;
  #confirmAt = 0;
  #size = most;
  #refusals = 0;
  #asides = 0;
  #tries = 0;
  #troubleSince: number | undefined;

  constructor(order: StreamOrder, parts: RunParts) {
    this.#order = order;
    this.#parts = parts;
    this.#wait = parts.wait ?? realWait;
    this.#acked = order.position;
    this.#sent = order.position;
    this.#until = order.until ?? Number.MAX_SAFE_INTEGER;
  }

  set until(position: number | undefined) {
    this.#until = position ?? Number.MAX_SAFE_INTEGER;
  }

  /** Resolves when it was stopped. Throws what its keeper throws. */
  async run(): Promise<void> {
    const { signal } = this.#stop;
    try {
      while (!signal.aborted && !this.#ending.signal.aborted) await this.#turn(signal);
      if (!signal.aborted && this.#unconfirmed > 0) await this.#confirmLast(signal);
    } finally {
      this.#parts.sender.close();
    }
  }

  /** At once: what is on its way may have arrived, and goes once more. */
  stop(): void {
    this.#stop.abort();
  }

  /** After what is on its way, and its answer. */
  end(): void {
    this.#ending.abort();
  }

  async #confirmLast(signal: AbortSignal): Promise<void> {
    try {
      await this.#confirm(signal);
    } catch (error) {
      // It goes once more then.
      if (!signal.aborted && !(error instanceof Trouble)) throw error;
    }
  }

  async #confirm(signal: AbortSignal): Promise<void> {
    await this.#parts.sender.confirm!(signal);
    await this.#ack(this.#sent, this.#unconfirmed);
    this.#unconfirmed = 0;
  }

  async #turn(signal: AbortSignal): Promise<void> {
    try {
      await this.#step(signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Trouble)) throw error;
      await this.#again(error, signal);
    }
  }

  async #step(signal: AbortSignal): Promise<void> {
    const { read } = this.#parts;
    const order = { after: this.#sent, through: this.#until, limit: this.#size, bytes: mostBytes };
    const { records: batch, more } = await read(order);
    if (batch.length > 0) await this.#deliver(batch, signal);
    if (this.#isConfirmDue(batch.length === 0)) {
      await this.#confirm(signal);
      this.#isWell();
    }
    if (!more) await this.#wait(pollMs, AbortSignal.any([signal, this.#ending.signal]));
  }

  async #deliver(batch: readonly PlacedRecord[], signal: AbortSignal): Promise<void> {
    let outcome = await this.#send(batch, signal);
    if (outcome instanceof Trouble) {
      if (batch.length > 1) {
        this.#size = Math.ceil(batch.length / 2);
        return;
      }
      this.#refusals += 1;
      if (this.#refusals < refusals || this.#asides >= mostAsides) throw outcome;
      outcome = { settled: 1, refused: [{ index: 0, why: outcome.message }] };
    }
    await this.#settle(batch, outcome);
    if (outcome.rest !== undefined) throw outcome.rest;
  }

  /** A Trouble where the target takes none of it for what it is: then it may be one record, or the target. */
  async #send(batch: readonly PlacedRecord[], signal: AbortSignal): Promise<Outcome | Trouble> {
    const records = batch.map(({ record }) => record);
    try {
      const outcome = await this.#parts.sender.send(records, signal);
      const [first] = outcome.refused ?? [];
      const isNone = first !== undefined && outcome.refused?.length === outcome.settled && outcome.rest === undefined;
      return isNone ? new Trouble(`it refused ${first.why}`, { content: true }) : outcome;
    } catch (error) {
      if (error instanceof Trouble && error.content) return error;
      throw error;
    }
  }

  async #settle(batch: readonly PlacedRecord[], { settled, refused = [], unnamed }: Outcome): Promise<void> {
    const { keeper, sender } = this.#parts;
    const { name } = this.#order;
    if (settled === 0) return;
    const last = batch[settled - 1]!.position;
    if (sender.confirm !== undefined) {
      if (this.#unconfirmed === 0) this.#confirmAt = performance.now() + confirmMs;
      this.#unconfirmed += settled;
      this.#sent = last;
      return;
    }
    if (settled > refused.length) this.#isWell();
    else {
      // It answers, if only with refusals.
      this.#asides += 1;
      this.#tries = 0;
    }
    let next = 0;
    for (const { index, why } of refused) {
      const { position, record } = batch[index]!;
      const what = { position, first: position, last: position, ids: [record.id], count: 1, why };
      await keeper.putAside(name, { ...what, arrived: index - next });
      this.#acked = position;
      next = index + 1;
    }
    if (unnamed !== undefined) {
      const ids = [batch[0]!.record.id, batch[settled - 1]!.record.id];
      const range = { position: last, first: batch[0]!.position, last, ids };
      await keeper.putAside(name, { ...range, ...unnamed, arrived: settled - unnamed.count });
      this.#acked = last;
    } else if (last > this.#acked) await this.#ack(last, settled - next);
    this.#sent = last;
    this.#refusals = 0;
    this.#size = Math.min(most, this.#size * 2);
  }

  async #ack(position: number, records: number): Promise<void> {
    await this.#parts.keeper.ack(this.#order.name, { position, records });
    this.#acked = position;
  }

  #isConfirmDue(isIdle: boolean): boolean {
    if (this.#parts.sender.confirm === undefined || this.#unconfirmed === 0) return false;
    if (this.#unconfirmed >= confirmRecords || performance.now() >= this.#confirmAt) return true;
    return isIdle && this.#sent >= this.#until;
  }

  #isWell(): void {
    this.#tries = 0;
    this.#asides = 0;
    if (this.#troubleSince === undefined) return;
    this.#troubleSince = undefined;
    this.#parts.tell({ name: this.#order.name });
  }

  /** Whatever was not confirmed goes once more. */
  async #again(trouble: Trouble, signal: AbortSignal): Promise<void> {
    const { sender, tell, random = Math.random } = this.#parts;
    sender.close();
    this.#sent = this.#acked;
    this.#unconfirmed = 0;
    const ms = Math.max(trouble.afterMs ?? 0, backoff(this.#tries, random));
    this.#tries += 1;
    const now = this.#parts.clock.now();
    this.#troubleSince ??= now;
    const state = { why: trouble.message, since: this.#troubleSince, tries: this.#tries, nextAt: now + Math.round(ms) };
    tell({ name: this.#order.name, trouble: state });
    await this.#wait(ms, AbortSignal.any([signal, this.#ending.signal]));
  }
}
