/** The deny list that gateways refuse certificates by (P2), kept equal to the states of devices and people. */
import { nextChange } from '../store/changes.ts';
import type { Trx } from '../store/open-store.ts';

/**
 * Puts `device/<id>` on the list, or takes it off, as the states in this transaction say: a device is denied while it or
 * its person is suspended or gone. One change for all. Returns its number, 0 when nothing changed.
 */
export async function syncDenied(trx: Trx, at: number, devices: readonly string[]): Promise<number> {
  if (devices.length === 0) return 0;
  const rows = await trx
    .selectFrom('devices')
    .innerJoin('people', 'people.id', 'devices.person_id')
    .select(['devices.id as id', 'devices.state as device_state', 'people.state as person_state'])
    .where('devices.id', 'in', [...devices])
    .execute();
  const listed = await trx
    .selectFrom('denied')
    .select('id')
    .where(
      'id',
      'in',
      rows.map((row) => `device/${row.id}`),
    )
    .execute();
  const isListed = new Set(listed.map((row) => row.id));
  const changes: { kind: 'deny' | 'undeny'; id: string }[] = [];
  for (const row of rows) {
    const id = `device/${row.id}`;
    const isDenied = row.person_state !== 'active' || row.device_state === 'suspended' || row.device_state === 'gone';
    if (isDenied && !isListed.has(id)) changes.push({ kind: 'deny', id });
    if (!isDenied && isListed.has(id)) changes.push({ kind: 'undeny', id });
  }
  if (changes.length === 0) return 0;
  for (const { kind, id } of changes) {
    if (kind === 'deny') await trx.insertInto('denied').values({ id, since: at }).execute();
    else await trx.deleteFrom('denied').where('id', '=', id).execute();
  }
  return nextChange(trx, at, changes);
}
