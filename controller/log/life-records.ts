/**
 * When the controller ran, and when it or its log could not do its work, on record: a start, an orderly end, at the next start an end
 * that was not; and from when to when nothing could be written.
 */
import { type Clock, minute } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import { KnockTotals } from '#shared/wire/doors/knock-totals.ts';
import type { Job } from '../jobs/run-jobs.ts';
import type { Db, Trx } from '../store/open-store.ts';
import { appendRecord } from './append-record.ts';

/** In `meta` while a controller runs: since when, and when it was last seen to. */
const key = 'running';

export interface LifeParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  /** The disk is short: what waits until there is room is refused, which is a pause too. */
  readonly isShort: () => boolean;
}

export class LifeRecords {
  readonly #parts: LifeParts;
  readonly #startedAt: number;
  readonly #knocks = new KnockTotals();
  #pause: { readonly from: number; readonly why: string } | undefined;

  constructor(parts: LifeParts) {
    this.#parts = parts;
    this.#startedAt = parts.clock.now();
  }

  /** Of the end before this start, where it was not told, and of this start. A disk that takes nothing lets it start all the same. */
  async begin(): Promise<void> {
    const { db, log } = this.#parts;
    const at = this.#startedAt;
    const write = db.transaction().execute(async (trx) => {
      const row = await trx.selectFrom('meta').select('value').where('key', '=', key).executeTakeFirst();
      if (row !== undefined)
        await appendRecord(trx, at, {
          kind: 'controller',
          event: 'ended-unclean',
          details: JSON.parse(row.value) as Record<string, unknown>,
        });
      await appendRecord(trx, at, { kind: 'controller', event: 'started' });
      await this.#seen(trx, at);
    });
    await write.catch((error: unknown) => log.error({ err: error }, 'this start could not be recorded'));
  }

  /** Something could not be written. Told when it can be again. */
  failed(why: string): void {
    this.#pause ??= { from: this.#parts.clock.now(), why };
  }

  async stop(): Promise<void> {
    const { db, clock, log } = this.#parts;
    const at = clock.now();
    const write = db.transaction().execute(async (trx) => {
      await appendRecord(trx, at, { kind: 'controller', event: 'stopped', details: { startedAt: this.#startedAt } });
      await trx.deleteFrom('meta').where('key', '=', key).execute();
    });
    await write.catch((error: unknown) => log.error({ err: error }, 'this end could not be recorded'));
  }

  /** `knocks`: counts of the door, where there is one. */
  jobs(knocks: () => Readonly<Record<string, number>> | undefined): Job[] {
    const { db } = this.#parts;
    return [
      { name: 'pauses of the log', everyMs: 1000, run: (at) => this.tellPause(at) },
      { name: 'seen running', everyMs: minute, run: (at) => db.transaction().execute((trx) => this.#seen(trx, at)) },
      { name: 'knocks', everyMs: 5 * minute, run: (at) => this.tellKnocks(at, knocks() ?? {}) },
    ];
  }

  async tellPause(at: number): Promise<void> {
    if (this.#parts.isShort()) this.failed('the disk was short: only owners were served');
    else if (this.#pause !== undefined) {
      await appendRecord(this.#parts.db, at, { kind: 'log', event: 'paused', details: { ...this.#pause, to: at } });
      this.#pause = undefined;
    }
  }

  async tellKnocks(at: number, counts: Readonly<Record<string, number>>): Promise<void> {
    const details = this.#knocks.since(counts);
    if (details !== undefined) await appendRecord(this.#parts.db, at, { kind: 'controller', event: 'knocks', details });
  }

  async #seen(trx: Trx, at: number): Promise<void> {
    const value = JSON.stringify({ startedAt: this.#startedAt, seenAt: at });
    await trx
      .insertInto('meta')
      .values({ key, value })
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
      .execute();
  }
}

/** What a backup says of running is of the controller that made it. */
export async function forgetRunning(trx: Trx): Promise<void> {
  await trx.deleteFrom('meta').where('key', '=', key).execute();
}
