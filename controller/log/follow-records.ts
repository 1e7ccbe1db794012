/** Waiting for what comes into the log: by position, which is the order of writing, so nothing is missed and nothing comes twice. */
import { setTimeout as sleep } from 'node:timers/promises';
import { second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { Db } from '../store/open-store.ts';
import { readColumns, readRow } from './read-row.ts';
import type { Filter } from './search/filter.ts';
import { matches } from './search/matches.ts';
import { isReading } from './search/terms.ts';

const lookEveryMs = 200;
/** Under the minute that callers give an answer. */
const waitMs = 25 * second;
const pageSize = 200;
const mostAnswered = 500;
const mostFollowers = 64;

export interface Followed {
  readonly records: AccessRecord[];
  /** The last position that was looked at. */
  readonly through: number;
}

export class LogFollowers {
  readonly #db: Db;
  readonly #stopping = new AbortController();
  #following = 0;

  constructor(db: Db) {
    this.#db = db;
  }

  /** Resolves with what matches after the position, as soon as there is some, or with nothing after 25 seconds and when this stops. */
  async follow(after: number, filter: Filter, gone: AbortSignal): Promise<Followed> {
    if (this.#following >= mostFollowers) {
      const tell = `${mostFollowers} others follow the log already.`;
      throw new PosternError('conflict', tell, { tell });
    }
    this.#following += 1;
    const ended = AbortSignal.any([this.#stopping.signal, gone]);
    try {
      const until = performance.now() + waitMs;
      let through = after;
      for (;;) {
        const found = await this.#look(through, filter);
        through = found.through;
        if (found.records.length > 0 || ended.aborted || performance.now() > until) return found;
        await sleep(lookEveryMs, undefined, { signal: ended }).catch(() => {});
      }
    } finally {
      this.#following -= 1;
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
  }

  async #look(after: number, filter: Filter): Promise<Followed> {
    const records: AccessRecord[] = [];
    for (let through = after; ; ) {
      const rows = await this.#db
        .selectFrom('records')
        .select([...readColumns])
        .where('position', '>', through)
        .orderBy('position')
        .limit(pageSize)
        .execute();
      for (const row of rows) {
        const { record, unreadable } = readRow(row);
        // Its own reading would be news for ever. What cannot be read could be what is looked for.
        const isOf = unreadable !== undefined || matches(record, filter);
        if (isOf && (filter.readings || !isReading(record))) records.push(record);
      }
      through = rows.at(-1)?.position ?? through;
      if (rows.length < pageSize || records.length >= mostAnswered) return { records, through };
      // The store answers at once: others must have their turn.
      await sleep(0);
    }
  }
}
