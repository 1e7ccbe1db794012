/**
 * How gateways say they are: in memory, as each says it again every few seconds. How far its records have come is kept besides: it bounds what it may
 * still tell (P24).
 */
import { type Clock, minute } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { GatewayCondition } from '#shared/contracts/gateway-to-controller.ts';
import type { Db } from '../store/open-store.ts';

export interface KnownCondition extends GatewayCondition {
  /** When it was said. */
  readonly at: number;
  /** Since when it gives no access, as far as it was told. */
  readonly refusingSince?: number;
}

export interface ConditionsParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
}

const keepMs = minute;

export class GatewayConditions {
  readonly #parts: ConditionsParts;
  readonly #known = new Map<string, KnownCondition>();
  readonly #keptAt = new Map<string, number>();

  constructor(parts: ConditionsParts) {
    this.#parts = parts;
  }

  of(gateway: string): KnownCondition | undefined {
    return this.#known.get(gateway);
  }

  all(): ReadonlyMap<string, KnownCondition> {
    return this.#known;
  }

  async told(gateway: string, condition: GatewayCondition): Promise<void> {
    const { clock, db, log } = this.#parts;
    const at = clock.now();
    const was = this.#known.get(gateway);
    // How much is left on its disk changes all the time.
    if ((condition.refusing === undefined) !== (was?.refusing === undefined)) {
      if (condition.refusing === undefined) log.info({ gateway }, 'a gateway gives access again');
      else log.error({ gateway, why: condition.refusing }, 'a gateway gives no access: it cannot record any');
    }
    const since = condition.refusing === undefined ? {} : { refusingSince: was?.refusingSince ?? at };
    this.#known.set(gateway, { ...condition, at, ...since });
    const { through } = condition;
    if (through === undefined || Math.abs(at - (this.#keptAt.get(gateway) ?? 0)) < keepMs) return;
    await db
      .updateTable('gateways')
      // Nothing is known of what is still to come.
      .set({ records_through: Math.min(through, at) })
      .where('id', '=', gateway)
      .where('records_through', '<', Math.min(through, at))
      .execute();
    this.#keptAt.set(gateway, at);
  }
}
