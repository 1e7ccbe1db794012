/**
 * How far a revocation has come (P16): "ended" is shown only when every gateway confirmed it; a gateway that has not is
 * named, with the time its last matching grant ends by itself.
 */
import { EventEmitter, once } from 'node:events';
import { type Clock, second } from '#shared/base/clock.ts';
import type { CutReport } from '#shared/contracts/admin-objects.ts';
import type { Db } from '../store/open-store.ts';

export interface CutOrder {
  /** The change number; 0 for a revocation that matched nothing and made no change. */
  readonly n: number;
  /** The number before the command, when it made several changes: what each of them closed counts. */
  readonly after?: number;
  readonly at: number;
  readonly grants: number;
  readonly sessions: number;
}

/** How long a command waits for the gateways before it tells what it has. */
const patienceMs = 3 * second;

export class CutWatch {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #bell = new EventEmitter().setMaxListeners(0);

  constructor(db: Db, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** Called when a gateway confirmed something. */
  applied(): void {
    this.#bell.emit('applied');
  }

  /** Resolves when a gateway confirms something, or after `ms`. */
  async nextApplied(ms: number): Promise<void> {
    await once(this.#bell, 'applied', { signal: AbortSignal.timeout(ms) }).catch(() => undefined);
  }

  /** Waits until every gateway in service confirmed, or patience ends. Several controllers: it also looks each 250 ms. */
  async report(order: CutOrder): Promise<CutReport> {
    const until = this.#clock.now() + patienceMs;
    const seen = new Map<string, number>();
    for (;;) {
      const report = await this.look(order, seen);
      if (report.complete || order.n === 0 || this.#clock.now() >= until) return report;
      await this.nextApplied(250);
    }
  }

  /**
   * Without waiting. A gateway that had nothing to close confirms by number alone: `seen` then holds when that was first
   * seen here, in milliseconds after the change.
   */
  async look(order: CutOrder, seen?: Map<string, number>): Promise<CutReport> {
    const { n, after = n - 1, at, grants, sessions } = order;
    const rows = await this.#db
      .selectFrom('gateways')
      .leftJoin('gateway_cuts', (join) =>
        join
          .onRef('gateway_cuts.gateway_id', '=', 'gateways.id')
          .on('gateway_cuts.n', '>', after)
          .on('gateway_cuts.n', '<=', n),
      )
      .select((eb) => [
        'gateways.id',
        'gateways.through',
        eb.fn.max('gateway_cuts.applied_at').as('applied_at'),
        eb.fn.sum<number | null>('gateway_cuts.streams').as('streams'),
      ])
      .where('gateways.state', '=', 'active')
      .groupBy(['gateways.id', 'gateways.through'])
      .orderBy('gateways.id')
      .execute();
    const ends = await this.#lastGrantEnd(after, n);
    const gateways = rows.map((row): CutReport['gateways'][number] => {
      const applied = row.through >= n;
      if (applied && seen !== undefined && !seen.has(row.id)) seen.set(row.id, this.#clock.now() - at);
      const afterMs = row.applied_at === null ? seen?.get(row.id) : row.applied_at - at;
      return {
        gateway: row.id,
        state: applied ? 'applied' : 'waiting',
        streamsCut: row.streams ?? 0,
        ...(!applied || afterMs === undefined ? {} : { appliedAfterMs: Math.max(0, afterMs) }),
        ...(applied || ends === undefined ? {} : { lastGrantEndsAt: ends }),
      };
    });
    return {
      change: n,
      at,
      grants,
      sessions,
      gateways,
      complete: gateways.every((gateway) => gateway.state === 'applied'),
    };
  }

  async #lastGrantEnd(after: number, n: number): Promise<number | undefined> {
    const row = await this.#db
      .selectFrom('revocations')
      .select((eb) => eb.fn.max('last_grant_ends_at').as('ends'))
      .where('n', '>', after)
      .where('n', '<=', n)
      .executeTakeFirst();
    return row?.ends ?? undefined;
  }
}
