/**
 * Whose knocks gateways take (P26): those of signed-in devices that are approved, as long as the session lives. A change says
 * which key and never holds it: each stream puts in the one of its own gateway.
 */
import type { KnockKey } from '#shared/contracts/gateway-to-controller.ts';
import { nextChange } from '../store/changes.ts';
import type { Db, Trx } from '../store/open-store.ts';

/** Tells gateways of the sessions of a device, and keeps the number of that change: who confirmed it has the keys. */
export async function announceKnockKeys(trx: Trx, at: number, device: string): Promise<void> {
  const keys = await readKnockKeys(trx, at, device);
  if (keys.length === 0) return;
  const n = await nextChange(
    trx,
    at,
    keys.map((key) => ({ kind: 'knock-key', key })),
  );
  await trx
    .updateTable('sessions')
    .set({ knock_n: n })
    .where(
      'id',
      'in',
      keys.map(({ id }) => id),
    )
    .execute();
}

/** Sessions that have ended. */
export async function withdrawKnockKeys(trx: Trx, at: number, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await nextChange(trx, at, [{ kind: 'knock-gone', ids: [...ids] }]);
}

/** Without their secrets. */
export async function readKnockKeys(db: Db, at: number, device?: string): Promise<KnockKey[]> {
  let query = db
    .selectFrom('sessions')
    .innerJoin('devices', 'devices.id', 'sessions.device_id')
    .innerJoin('people', 'people.id', 'sessions.person_id')
    .select(['sessions.id as id', 'sessions.device_id as device', 'sessions.started_at', 'sessions.ends_at'])
    .where('sessions.state', '=', 'live')
    .where('sessions.ends_at', '>', at)
    .where('devices.state', '=', 'active')
    .where('people.state', '=', 'active')
    .orderBy('sessions.id');
  if (device !== undefined) query = query.where('sessions.device_id', '=', device);
  return (await query.execute()).map(({ id, device, started_at, ends_at }) => ({
    id,
    client: `device/${device}`,
    secret: '',
    since: started_at,
    until: ends_at,
  }));
}
