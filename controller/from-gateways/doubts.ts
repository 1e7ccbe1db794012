/**
 * What is doubted of a gateway's records: they are kept as they were told, and an alarm tells of all of one gateway once in ten minutes. The first
 * raises it at once; those that follow are gathered in the transaction that takes them in, so that no crash loses their count.
 */
import { minute } from '#shared/base/clock.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { appendRecord } from '../log/append-record.ts';
import type { Db, Trx } from '../store/open-store.ts';
import { addSums, type DoubtSums, sumOf } from './doubt-sums.ts';

export type DoubtEvent = 'record-misdated' | 'record-disputed';

const spanMs = 10 * minute;

interface Doubt {
  readonly seq: number;
  readonly record: Pick<AccessRecord, 'id' | 'time'>;
  readonly ground: string;
  readonly byMs?: number;
}

/** Of one batch. */
export class Doubts {
  readonly #at: number;
  readonly #from: { readonly gateway: string; readonly spool: string };
  readonly #sums = new Map<DoubtEvent, DoubtSums>();

  constructor(at: number, from: { readonly gateway: string; readonly spool: string }) {
    this.#at = at;
    this.#from = from;
  }

  add(event: DoubtEvent, { seq, record: { id, time }, ground, byMs }: Doubt): void {
    const sum = sumOf({ spool: this.#from.spool, seq, record: id, time, arrived: this.#at, ground, byMs });
    const known = this.#sums.get(event);
    this.#sums.set(event, known === undefined ? sum : addSums(known, sum));
  }

  /** Tells of them, or adds them to what is told later. */
  async settle(trx: Trx): Promise<void> {
    for (const [event, sum] of this.#sums) await gather(trx, this.#at, { gateway: this.#from.gateway, event, sum });
  }
}

interface Gathered {
  readonly gateway: string;
  readonly event: DoubtEvent;
  readonly sum: DoubtSums;
}

async function gather(trx: Trx, at: number, { gateway, event, sum }: Gathered): Promise<void> {
  const open = await trx
    .selectFrom('gateway_doubts')
    .select(['n', 'sums'])
    .where('gateway_id', '=', gateway)
    .where('event', '=', event)
    .where('record', 'is', null)
    .executeTakeFirst();
  const sums = open === undefined ? sum : addSums(JSON.parse(open.sums) as DoubtSums, sum);
  const row = {
    gateway_id: gateway,
    event,
    sums: JSON.stringify(sums),
    first_time: sums.from,
    last_time: sums.to,
    first_arrived: sums.arrivedFrom,
    last_arrived: sums.arrivedTo,
    told_at: 0,
    record: null,
  };
  const n = open?.n ?? (await trx.insertInto('gateway_doubts').values(row).returning('n').executeTakeFirstOrThrow()).n;
  if (open !== undefined) await trx.updateTable('gateway_doubts').set(row).where('n', '=', n).execute();
  if (await mayTell(trx, at, gateway, event)) await tell(trx, at, { n, gateway, event, sums });
}

/** For the schedule: what was gathered for long enough. */
export async function tellDoubts(db: Db, at: number): Promise<void> {
  const open = await db.selectFrom('gateway_doubts').selectAll().where('record', 'is', null).execute();
  for (const { n, gateway_id: gateway } of open)
    await db.transaction().execute(async (trx) => {
      const row = await trx
        .selectFrom('gateway_doubts')
        .selectAll()
        .where('n', '=', n)
        .where('record', 'is', null)
        .executeTakeFirst();
      const event = row?.event as DoubtEvent;
      if (row !== undefined && (await mayTell(trx, at, gateway, event)))
        await tell(trx, at, { n, gateway, event, sums: JSON.parse(row.sums) as DoubtSums });
    });
}

async function mayTell(trx: Trx, at: number, gateway: string, event: DoubtEvent): Promise<boolean> {
  const last = await trx
    .selectFrom('gateway_doubts')
    .select('told_at')
    .where('gateway_id', '=', gateway)
    .where('event', '=', event)
    .where('record', 'is not', null)
    .orderBy('told_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  // A clock that was set back delays none for long.
  return last === undefined || Math.abs(at - last.told_at) >= spanMs;
}

async function tell(
  trx: Trx,
  at: number,
  { n, gateway, event, sums }: { n: number; gateway: string; event: DoubtEvent; sums: DoubtSums },
): Promise<void> {
  const { id } = await appendRecord(trx, at, { kind: 'log', event, gateway, details: { ...sums } });
  await trx.updateTable('gateway_doubts').set({ told_at: at, record: id }).where('n', '=', n).execute();
}
