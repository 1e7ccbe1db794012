/**
 * Applies the retention that was set, once a day, a little at a time, and takes out what an owner orders. One pruning at a time; one that was
 * cut short is gone on with after the next start.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Clock, day, hour } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Store } from '../../store/open-store.ts';
import { ClockWatch } from './clock-watch.ts';
import { countDue, type DueCount } from './count-due.ts';
import { findDue, holdersOf, lastToGo, newestBefore } from './find-due.ts';
import {
  type As,
  beginPruning,
  endPruning,
  type Limits,
  openPruning,
  type Plan,
  type Pruning,
  stepPruning,
} from './prunings.ts';
import { cutoffsAt, newestCutoff, readAges, requireFloor } from './retention-ages.ts';

export interface PrunerParts {
  readonly store: Pick<Store, 'db' | 'giveBack'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Milliseconds: no record goes before it is as old. */
  readonly floor: number;
  /** Milliseconds of work at each look, of which there is one a second. */
  readonly workMs?: number;
}

export class Pruner {
  readonly #parts: PrunerParts;
  readonly #workMs: number;
  #last: Promise<unknown> = Promise.resolve();
  #busy = false;
  #stopped = false;
  #nextAt = 0;
  readonly #clockWatch: ClockWatch;
  /** Nothing that may go was found yet, up to `after`: then there is no record of it either. */
  #looking: { readonly plan: Plan; after: number } | undefined;

  constructor(parts: PrunerParts) {
    this.#parts = parts;
    this.#workMs = parts.workMs ?? 200;
    this.#clockWatch = new ClockWatch(parts.store.db, parts.log);
  }

  get floor(): number {
    return this.#parts.floor;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#last;
  }

  /** What was set or released may let something go: looked at soon, not tomorrow. */
  wake(): void {
    this.#nextAt = 0;
    this.#looking = undefined;
  }

  /** For the schedule: goes on with what is under way, or begins what is due, for a moment. */
  async look(at: number): Promise<void> {
    if (this.#busy || this.#stopped) return;
    await this.#inTurn(async () => {
      const until = performance.now() + this.#workMs;
      const open = await openPruning(this.#parts.store.db);
      if (open !== undefined) await this.#goOn(open, {}, until);
      else if (await this.#mayBegin(at)) await this.#beginDue(at, until);
    });
  }

  /** Takes out everything from before a time. Throws `bad-request` below the floor, `conflict` while the clock is not to be believed. */
  async prune(before: number, as: As): Promise<Pruning> {
    const { clock, store, floor } = this.#parts;
    requireFloor(clock.now() - before, floor);
    return this.#inTurn(async () => {
      const { db } = store;
      // Else a clock that is set ahead would let go what the floor keeps.
      await this.#clockWatch.require(clock.now());
      const cutoffs = { rest: before, kinds: {} };
      const open = await openPruning(db);
      if (open !== undefined) await this.#goOn(open, {});
      const through = await lastToGo(db);
      const begun = await db
        .transaction()
        .execute((trx) => beginPruning(trx, clock.now(), { cause: 'order', cutoffs, through }, as));
      return (await this.#goOn(begun, as)) ?? begun;
    });
  }

  /** What `prune`, or the retention that is set, would take now. */
  async count(before?: number): Promise<DueCount | undefined> {
    const { clock, store, floor } = this.#parts;
    if (before !== undefined) requireFloor(clock.now() - before, floor);
    const cutoffs =
      before === undefined ? cutoffsAt(await readAges(store.db), clock.now(), floor) : { rest: before, kinds: {} };
    if (cutoffs === undefined) return undefined;
    return countDue(store.db, { cutoffs, through: Number.MAX_SAFE_INTEGER }, nextTurn);
  }

  /** Streams to SIEMs for which something from before a time stays. */
  heldBy(before: number): Promise<string[]> {
    return holdersOf(this.#parts.store.db, { rest: before, kinds: {} });
  }

  #limits(): Limits {
    return { at: this.#parts.clock.now(), floor: this.#parts.floor };
  }

  /** Undefined while the day is not over; `until`: of `performance.now()`. */
  async #goOn(pruning: Pruning, as: As, until = Number.POSITIVE_INFINITY): Promise<Pruning | undefined> {
    const { store, log } = this.#parts;
    for (let now = pruning; !this.#stopped; ) {
      const next = await store.db.transaction().execute((trx) => stepPruning(trx, now, this.#limits()));
      if (next === undefined) {
        const ended = await endPruning(store.db, this.#limits(), now, as);
        await store.giveBack();
        const { n, cause, removed, record } = ended;
        log.info({ pruning: n, cause, removed, record }, 'old records were taken out of the log');
        return ended;
      }
      now = next;
      if (performance.now() >= until) return undefined;
      await nextTurn();
    }
    return undefined;
  }

  /** Looks for something that may go; once there is, it is a pruning, with a record. */
  async #beginDue(at: number, until: number): Promise<void> {
    const { store, floor } = this.#parts;
    const { db } = store;
    if (this.#looking === undefined) {
      const cutoffs = cutoffsAt(await readAges(db), at, floor);
      if (cutoffs === undefined) {
        this.#nextAt = at + hour;
        return;
      }
      const through = Math.min(await lastToGo(db), await newestBefore(db, newestCutoff(cutoffs)));
      this.#looking = { plan: { cause: 'retention', cutoffs, through }, after: 0 };
    }
    const { plan } = this.#looking;
    while (!this.#stopped) {
      const due = await findDue(db, plan.cutoffs, { after: this.#looking.after, through: plan.through });
      if (due === undefined || due.rows.length > 0) {
        this.#looking = undefined;
        this.#nextAt = at + day;
        if (due === undefined) return;
        const begun = await db.transaction().execute((trx) => beginPruning(trx, at, plan, {}));
        await this.#goOn(begun, {}, until);
        return;
      }
      this.#looking.after = due.to;
      if (performance.now() >= until) return;
      await nextTurn();
    }
  }

  async #mayBegin(at: number): Promise<boolean> {
    return (await this.#clockWatch.isSteady(at)) && (this.#looking !== undefined || at >= this.#nextAt);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = async (): Promise<T> => {
      this.#busy = true;
      try {
        return await work();
      } finally {
        this.#busy = false;
      }
    };
    const next = this.#last.then(run, run);
    this.#last = next.catch(() => {});
    return next;
  }
}
