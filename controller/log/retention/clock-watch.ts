/**
 * Whether the clock is to be believed by what takes records away for good: one that leaps has the log wait for a day, so that one that is set
 * wrong takes nothing with it before somebody can see it. What was seen last is kept, as a restart often brings the leap.
 */
import { day, hour } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import type { Db } from '../../store/open-store.ts';

/** In `meta`: when the last look was, and from when on something may go. */
const seenKey = 'retention_seen';
const leapMs = 2 * day;

export class ClockWatch {
  readonly #db: Db;
  readonly #log: Log;
  #seenAt = Number.NEGATIVE_INFINITY;
  #from = 0;

  constructor(db: Db, log: Log) {
    this.#db = db;
    this.#log = log;
  }

  async isSteady(at: number): Promise<boolean> {
    await this.#look(at);
    return at >= this.#from;
  }

  /** Throws `conflict` while it is not to be believed. */
  async require(at: number): Promise<void> {
    if (await this.isSteady(at)) return;
    const until = new Date(this.#from).toISOString();
    const tell = `The clock leapt, or this controller was off for long: nothing is pruned before ${until}.`;
    throw new PosternError('conflict', tell, { tell });
  }

  /** Once an hour. */
  async #look(at: number): Promise<void> {
    const isNear = (other: number, by: number) => Math.abs(at - other) < by;
    if (isNear(this.#seenAt, hour)) return;
    const row = await this.#db.selectFrom('meta').select('value').where('key', '=', seenKey).executeTakeFirst();
    const seen = row === undefined ? { at, from: 0 } : (JSON.parse(row.value) as { at: number; from: number });
    const leapt = !isNear(seen.at, leapMs);
    if (leapt)
      this.#log.warn(
        { was: seen.at, is: at },
        'the clock leapt, or this controller was off: nothing is pruned for a day',
      );
    this.#from = leapt ? at + day : Math.min(seen.from, at + day);
    const value = JSON.stringify({ at, from: this.#from });
    await this.#db
      .insertInto('meta')
      .values({ key: seenKey, value })
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
      .execute();
    this.#seenAt = at;
  }
}
