/**
 * A gateway whose stream is up and confirmed, which however does not say how far its records have come, is told as an alarm (P24): it gives access, and
 * what it records does not arrive. An idle one says so every few seconds, and one that was away is as far as what it delivers: neither is silent.
 *
 * Counted in looks, of which there is one a minute, and not in time: a host that slept, or a clock that leapt, makes nobody silent.
 */
import type { Log } from '#shared/base/log.ts';
import { appendRecord } from '../log/append-record.ts';
import type { Db } from '../store/open-store.ts';
import type { GatewayConditions } from './gateway-conditions.ts';
import type { GatewayStreams } from './gateway-streams.ts';

export interface SilentParts {
  readonly db: Db;
  readonly log: Log;
  readonly streams: Pick<GatewayStreams, 'connected'>;
  readonly conditions: Pick<GatewayConditions, 'of'>;
}

/** Looks at which nothing had moved. */
const mostStill = 10;

interface Known {
  /** What it said last, in one text: whatever is other than that is a word of it. */
  readonly said: string;
  readonly still: number;
  /** When it was first found to have said nothing new. */
  readonly since: number;
  readonly isTold: boolean;
}

export class SilentGateways {
  readonly #parts: SilentParts;
  readonly #known = new Map<string, Known>();

  constructor(parts: SilentParts) {
    this.#parts = parts;
  }

  /** Once a minute. */
  async look(at: number): Promise<void> {
    const { db, streams } = this.#parts;
    const connected = streams.connected();
    for (const gateway of this.#known.keys()) if (!connected.has(gateway)) this.#known.delete(gateway);
    const rows = await db
      .selectFrom('gateways')
      .select(['id', 'records_through'])
      .where('state', '=', 'active')
      .execute();
    // In the store too: it may say so to another controller.
    for (const { id, records_through: kept } of rows)
      if (connected.has(id)) await this.#judge(at, id, `${this.#saidBy(id)}/${kept}`);
  }

  /** Of one that can record nothing it is known already, by its own word, that it is no further. */
  #saidBy(gateway: string): string {
    const said = this.#parts.conditions.of(gateway);
    if (said === undefined) return '';
    return said.refusing === undefined ? String(said.through) : `refusing ${said.at}`;
  }

  async #judge(at: number, gateway: string, said: string): Promise<void> {
    const was = this.#known.get(gateway);
    if (was === undefined || was.said !== said) {
      if (was?.isTold === true) await this.#tell(at, gateway, was);
      this.#known.set(gateway, { said, still: 0, since: at, isTold: false });
      return;
    }
    const now = { ...was, still: was.still + 1 };
    if (now.still >= mostStill && !was.isTold) {
      await this.#tell(at, gateway, was);
      this.#parts.log.error({ gateway }, 'a gateway is connected and does not tell how far its records have come');
      this.#known.set(gateway, { ...now, isTold: true });
    } else this.#known.set(gateway, now);
  }

  async #tell(at: number, gateway: string, { since, isTold }: Known): Promise<void> {
    const event = isTold ? 'records-tell-again' : 'records-silent';
    const details = { since, ...(isTold ? { until: at } : {}) };
    await appendRecord(this.#parts.db, at, { kind: 'gateway', event, gateway, details });
  }
}
