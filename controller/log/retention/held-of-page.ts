/** Which of the records that somebody reads are under a legal hold: they stay whatever their age, and are there to be found while others went. */
import type { HeldShown } from '#shared/contracts/admin-search.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { Db } from '../../store/open-store.ts';
import { LegalHolds } from './legal-holds.ts';

/** By hold, the first that keeps a record; undefined where none is. */
export async function heldOfPage(db: Db, records: readonly AccessRecord[]): Promise<HeldShown[] | undefined> {
  const holds = await LegalHolds.read(db);
  if (holds.all.length === 0) return undefined;
  const held = new Map<string, HeldShown>();
  for (const { id, time, arrived = null, person, actor, device, app, trace } of records) {
    const columns = { person_id: person ?? null, actor: actor ?? null, device_id: device ?? null, app_id: app ?? null };
    const hold = holds.of({ time, arrived, trace, ...columns });
    if (hold === undefined) continue;
    const known = held.get(hold.id);
    if (known === undefined) held.set(hold.id, { id: hold.id, name: hold.name, records: [id] });
    else known.records.push(id);
  }
  return held.size === 0 ? undefined : [...held.values()];
}
