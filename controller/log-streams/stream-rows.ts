/** Streams in the store: what they are, how far they have come, and which controller runs them. */
import { asPosternError } from '#shared/base/errors.ts';
import type { StreamFormat, StreamKind } from '#shared/contracts/admin-log-streams.ts';
import type { Sealer } from '#shared/crypto/seal.ts';
import { appendRecord } from '../log/append-record.ts';
import type { LogStreamRow } from '../store/log-stream-tables.ts';
import type { Db } from '../store/open-store.ts';
import type { Aside, StreamOrder } from './stream-order.ts';
import type { TargetSecrets, TargetSettings } from './target.ts';

const placeOf = (name: string) => ({ table: 'log_streams', row: name, column: 'sealed' });

export const sealSecrets = (sealer: Sealer, name: string, secrets: TargetSecrets): string =>
  sealer.sealText(JSON.stringify(secrets), placeOf(name));

/** Throws for a row that was written with another master key, or is not as it was written. */
export function orderOf(sealer: Sealer, row: LogStreamRow): StreamOrder {
  return {
    name: row.name,
    kind: row.kind as StreamKind,
    format: row.format as StreamFormat,
    settings: JSON.parse(row.settings) as TargetSettings,
    secrets: JSON.parse(sealer.openText(row.sealed, placeOf(row.name))) as TargetSecrets,
    born: row.created_at,
    position: row.position,
    ...(row.until === null ? {} : { until: row.until }),
  };
}

/** One that cannot be opened holds up no other. */
export function tryOrder(sealer: Sealer, row: LogStreamRow): StreamOrder | Error {
  try {
    return orderOf(sealer, row);
  } catch (error) {
    return unopened(error);
  }
}

/** Of a row, here or of an anchor, that was written with another master key or is not as it was written. */
export const unopened = (error: unknown): Error =>
  new Error(`what the store has of it cannot be opened: ${asPosternError(error).message}; remove it and add it again`);

/** One controller runs a stream at a time: whoever holds its lease, which another takes only once it has run out. */
export async function takeLeases(
  db: Db,
  at: number,
  { me, ms }: { readonly me: string; readonly ms: number },
): Promise<LogStreamRow[]> {
  return db
    .updateTable('log_streams')
    .set({ lease_by: me, lease_until: at + ms })
    .where((eb) => eb.or([eb('lease_by', '=', me), eb('lease_until', '<', at)]))
    .returningAll()
    .execute();
}

/** So that another controller need not wait for it to run out. */
export async function dropLeases(db: Db, me: string): Promise<void> {
  await db.updateTable('log_streams').set({ lease_until: 0 }).where('lease_by', '=', me).execute();
}

interface Holder {
  readonly me: string;
  readonly name: string;
  readonly born: number;
}

/** False when another controller has the stream now: what it has come to is not ours to tell. */
export async function ackStream(
  db: Db,
  at: number,
  { me, name, born, position, records }: Holder & { readonly position: number; readonly records: number },
): Promise<boolean> {
  const done = await db
    .updateTable('log_streams')
    .set((eb) => ({ position, delivered: eb('delivered', '+', records), delivered_at: at }))
    .where('name', '=', name)
    .where('created_at', '=', born)
    .where('lease_by', '=', me)
    .where('position', '<=', position)
    .executeTakeFirst();
  return Number(done.numUpdatedRows) > 0;
}

const asideEvent = 'stream-put-aside';

/** Named, on record, and passed over; in one transaction. */
export async function putAside(
  db: Db,
  at: number,
  { me, name, born, aside }: Holder & { readonly aside: Aside },
): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const { position, first, last, ids, count, why, arrived } = aside;
    const isKept = await ackStream(trx, at, { me, name, born, position, records: arrived });
    if (!isKept) return false;
    await trx
      .updateTable('log_streams')
      .set((eb) => ({ set_aside: eb('set_aside', '+', count), set_aside_at: at }))
      .where('name', '=', name)
      .execute();
    const row = { stream: name, first, last, ids: JSON.stringify(ids), count, why, at };
    await trx.insertInto('log_stream_asides').values(row).execute();
    // A record that tells of this would be refused too, and tell of itself for ever.
    const isOwn = await trx
      .selectFrom('records')
      .select('position')
      .where('position', '=', first)
      .where('kind', '=', 'log')
      .where('event', '=', asideEvent)
      .executeTakeFirst();
    if (isOwn === undefined) {
      const details = { stream: name, records: ids, count, why };
      await appendRecord(trx, at, { kind: 'log', event: asideEvent, details });
    }
    return true;
  });
}
