/**
 * The replay memory of the controller's door (P25), in the store, so that no controller on it takes what another one has taken. A row
 * is a ceiling at or above every counter that was accepted of its key: who raises it has the numbers up to there, and accepts them
 * without asking again; to everybody else they count as used, also after a crash.
 */
import { type Clock, hour, steadyOf, systemClock } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { knockReserve } from '#shared/contracts/knock.ts';
import type { ReplayMemory } from '#shared/wire/doors/replay-memory.ts';
import type { Db, Trx } from '../store/open-store.ts';
import { deviceOwner, gatewayOwner, invitationOwner } from './knock-owners.ts';

interface Kept {
  last: number;
  /** Ours up to here. */
  ceiling: number;
  raising?: Promise<boolean> | undefined;
}

const sinceKey = 'knocks-since';
/** A key that is gone is forgotten when it was at two looks so far apart: what another controller still holds of it is over by then. */
const lookMs = hour;

export class KnockCounters implements ReplayMemory {
  readonly since: number;
  readonly #db: Db;
  readonly #steady: Clock;
  readonly #keys = new Map<string, Kept>();
  #gone = new Set<string>();
  #lookedAt = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(db: Db, since: number, steady: Clock = steadyOf(systemClock)) {
    this.#db = db;
    this.since = since;
    this.#steady = steady;
  }

  async accept(key: string, counter: number): Promise<boolean> {
    const kept = this.#keys.get(key) ?? { last: 0, ceiling: 0 };
    if (counter <= kept.last) return false;
    if (this.#stopped) throw new PosternError('unavailable', 'the memory of knocks is closed');
    // Before anything waits: the same counter once more is a replay from this moment on, also if the disk then fails.
    kept.last = counter;
    this.#keys.set(key, kept);
    while (counter > kept.ceiling) {
      if (kept.raising === undefined) return this.#raise(key, kept, counter);
      await kept.raising.catch(() => {});
    }
    return true;
  }

  /** Forgets keys that can never be good again: no clock has a say in it. To be called often: looks once an hour. */
  async forgetGone(): Promise<void> {
    const now = this.#steady.now();
    if (now - this.#lookedAt < lookMs) return;
    this.#lookedAt = now;
    const gone = await readGone(this.#db);
    const again = gone.filter((key) => this.#gone.has(key));
    this.#gone = new Set(gone);
    for (const key of again) {
      await this.#db.deleteFrom('knock_counters').where('key', '=', key).execute();
      this.#gone.delete(key);
    }
    for (const key of gone) this.#keys.delete(key);
  }

  /** Gives back what was ahead of the counters: after an orderly stop nothing good is refused. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await Promise.all([...this.#keys.values()].map(({ raising }) => raising?.catch(() => {})));
    await this.#db.transaction().execute(async (trx) => {
      for (const [key, { last, ceiling }] of this.#keys)
        await trx
          .updateTable('knock_counters')
          .set({ ceiling: last })
          .where('key', '=', key)
          .where('ceiling', '=', ceiling)
          .execute();
    });
  }

  #raise(key: string, kept: Kept, counter: number): Promise<boolean> {
    const ceiling = Math.min(counter + knockReserve, Number.MAX_SAFE_INTEGER);
    const raising = this.#db
      .insertInto('knock_counters')
      .values({ key, ceiling })
      .onConflict((on) => on.column('key').doUpdateSet({ ceiling }).where('knock_counters.ceiling', '<', counter))
      .executeTakeFirstOrThrow()
      .then(({ numInsertedOrUpdatedRows: rows }) => {
        if (rows !== 1n) return false;
        kept.ceiling = ceiling;
        return true;
      })
      .finally(() => {
        kept.raising = undefined;
      });
    kept.raising = raising;
    return raising;
  }
}

/** Nothing is unknown to a store that was never put back: no key of it was used before it was there. */
export async function openKnockCounters(db: Db): Promise<KnockCounters> {
  const row = await db.selectFrom('meta').select('value').where('key', '=', sinceKey).executeTakeFirst();
  return new KnockCounters(db, Number(row?.value ?? 0));
}

/** The store is a copy of another time, and knocks have been used since (P35): what was written before `at` is good no more. */
export async function doubtKnockCounters(trx: Trx, at: number): Promise<void> {
  const row = await trx.selectFrom('meta').select('value').where('key', '=', sinceKey).executeTakeFirst();
  const value = String(Math.max(at, Number(row?.value ?? 0)));
  await trx
    .insertInto('meta')
    .values({ key: sinceKey, value })
    .onConflict((on) => on.column('key').doUpdateSet({ value }))
    .execute();
}

/** Suspended devices may come back; what is gone, joined anew or used never does. */
async function readGone(db: Db): Promise<string[]> {
  const [counters, devices, gateways, invitations] = await Promise.all([
    db.selectFrom('knock_counters').select('key').execute(),
    db.selectFrom('devices').select('id').where('state', '!=', 'gone').execute(),
    db.selectFrom('gateways').select(['id', 'jkt']).where('state', '!=', 'gone').execute(),
    db.selectFrom('invitations').select('id').where('state', '=', 'open').execute(),
  ]);
  const living = new Set([
    ...devices.map(({ id }) => deviceOwner(id)),
    ...gateways.flatMap(({ id, jkt }) => (jkt === null ? [] : [gatewayOwner(id, jkt)])),
    ...invitations.map(({ id }) => invitationOwner(id)),
  ]);
  return counters.map(({ key }) => key).filter((key) => !living.has(key));
}
