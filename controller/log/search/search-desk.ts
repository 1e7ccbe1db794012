/** Searches of the log, in a thread of their own: SQLite answers at once and holds its thread meanwhile, and grants must not wait. */
import { PosternError } from '#shared/base/errors.ts';
import { OneWorker } from '../../one-worker.ts';
import type { Db } from '../../store/open-store.ts';
import { usualSpans } from './block.ts';
import { addStats, type Stats, type StatsOrder } from './run-stats.ts';
import type { LogPlace, Mended, SearchAnswer, SearchMessage, SearchTask, SearchTasks } from './search-tasks.ts';

const mostWaiting = 64;
const mostStatsMs = 20_000;
const mostMs = 60_000;
/** Others have their turn after it. */
const stepMs = 150;
const restMs = 30_000;
/** One block is compared with the records once in so long: of ten million all in a day or so, by a four-hundredth of a processor. */
const lookEveryMs = 600_000;

export interface SearchDeskParts {
  readonly db: Db;
  readonly place: LogPlace;
  /** The index did not say what the records say, and was made anew there. */
  readonly onMended?: (mended: Mended) => Promise<void>;
}

export class SearchDesk {
  readonly #db: Db;
  readonly #place: LogPlace;
  readonly #worker: OneWorker<SearchMessage, SearchAnswer, unknown>;
  readonly #onMended: (mended: Mended) => Promise<void>;
  #through = -1;
  #stopped = false;
  #restUntil = 0;
  #lookAt = 0;
  /** The block that was compared last; the first one is anybody's guess, as a controller that starts often must come through all. */
  #looked = Math.random();
  #mended: Mended[] = [];

  constructor({ db, place, onMended = async () => {} }: SearchDeskParts) {
    this.#db = db;
    this.#place = place;
    this.#onMended = onMended;
    const file = new URL('./worker.ts', import.meta.url);
    const read = ({ answer, failed, mended = [] }: SearchAnswer): unknown => {
      this.#mended.push(...mended);
      if (failed === undefined) return answer;
      throw new PosternError('unavailable', `a search of the log failed: ${failed}`);
    };
    this.#worker = new OneWorker({ file, what: 'a search of the log', mostMs, mostWaiting, read });
  }

  /** Throws `unavailable` when the thread failed, `conflict` when too many wait. */
  async ask<T extends SearchTask>(task: T, order: SearchTasks[T]['order']): Promise<SearchTasks[T]['answer']> {
    try {
      return (await this.#worker.ask({ place: this.#place, task, order })) as SearchTasks[T]['answer'];
    } catch (error) {
      if (!(error instanceof PosternError) || error.code !== 'policy-too-slow') throw error;
      const tell = 'The search was given up: search a shorter time, or for less.';
      throw new PosternError('unavailable', error.message, { tell, cause: error });
    } finally {
      for (const mended of this.#mended.splice(0)) {
        // It is behind again.
        if (mended.block === undefined) this.#through = -1;
        await this.#onMended(mended);
      }
    }
  }

  /** In parts, between which others have their turn: sums over words that stand everywhere take long. What it has after so long is the newest. */
  async stats(order: StatsOrder): Promise<Stats> {
    const until = performance.now() + mostStatsMs;
    let stats = await this.ask('stats', { ...order, forMs: stepMs });
    while (stats.next !== undefined && performance.now() < until)
      stats = addStats(stats, await this.ask('stats', { ...order, before: stats.next, forMs: stepMs }));
    return stats;
  }

  /**
   * Brings the index up to the log, as far as whole blocks go; does nothing while there is nothing to do. Throws `unavailable` when the thread
   * failed (a full disk), and then rests: searches go on without it.
   */
  async follow(): Promise<void> {
    if (performance.now() < this.#restUntil) return;
    this.#restUntil = performance.now() + restMs;
    await this.#follow();
    if (performance.now() >= this.#lookAt) {
      this.#lookAt = performance.now() + lookEveryMs;
      await this.look();
    }
    this.#restUntil = 0;
  }

  /** Compares the next block of the index with the records. What is not right is made anew. */
  async look(): Promise<void> {
    while (!this.#stopped) {
      const { done, block } = await this.ask('look', { after: this.#looked, forMs: stepMs });
      if (!done) continue;
      this.#looked = block ?? -1;
      return;
    }
  }

  async #follow(): Promise<void> {
    while (!this.#stopped && (await this.#isBehind())) {
      const { done, followed, through } = await this.ask('advance', stepMs);
      this.#through = through;
      await this.#db.deleteFrom('records_changed').where('n', '<=', followed).execute();
      if (done) return;
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#worker.stop();
  }

  async #isBehind(): Promise<boolean> {
    const last = await this.#db
      .selectFrom('records')
      .select('position')
      .orderBy('position', 'desc')
      .limit(1)
      .executeTakeFirst();
    if ((last?.position ?? 0) - this.#through >= usualSpans.small) return true;
    return (await this.#db.selectFrom('records_changed').select('n').limit(1).executeTakeFirst()) !== undefined;
  }
}
