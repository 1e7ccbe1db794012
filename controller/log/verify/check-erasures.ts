/**
 * Whether records lack no more values than erasures on record took (P34). Which ones an erasure took is told nowhere, for that would tell whose they
 * were: an operator who takes values away without an erasure is named by the number.
 */
import type { Db } from '../../store/open-store.ts';
import { tryRecord } from '../read-row.ts';
import type { FaultList } from './fault-list.ts';

/** From this leaf on a gateway may have delivered records of somebody who was erased before. Undefined when nobody was. */
export async function firstErasure(db: Db): Promise<number | undefined> {
  const leaves: number[] = [];
  for (const { id, began_at } of await db.selectFrom('erasures').select(['id', 'began_at']).execute()) {
    const begun = await told(db, 'erasure-begun', began_at, id);
    if (begun?.leaf_index != null) leaves.push(begun.leaf_index);
  }
  return leaves.length === 0 ? undefined : Math.min(...leaves);
}

/** `erased`: records that lack values, without those that may have come so. After they were looked at: what is erased meanwhile is on record by now. */
export async function checkErasures(db: Db, erased: number, faults: FaultList): Promise<void> {
  if (erased === 0) return;
  let most = 0;
  for (const { id, began_at, ended_at, records } of await db.selectFrom('erasures').selectAll().execute()) {
    if (ended_at !== null) most += Number((await told(db, 'erased', ended_at, id))?.details['records'] ?? 0);
    else if ((await told(db, 'erasure-begun', began_at, id)) !== undefined) most += records;
  }
  if (erased > most)
    faults.push({ what: `values of ${erased} records are gone, and by what is on record ${most} were erased` });
}

/** The record of an erasure: it has the time of what it tells. */
async function told(db: Db, event: 'erasure-begun' | 'erased', at: number, erasure: string) {
  const rows = await db
    .selectFrom('records')
    .leftJoin('log_leaves', 'log_leaves.position', 'records.position')
    .select(['leaf', 'disclosures', 'leaf_index'])
    .where('records.time', '=', at)
    .where('records.kind', '=', 'log')
    .where('records.event', '=', event)
    .execute();
  return rows
    .flatMap((row) => {
      const record = tryRecord(row);
      // A fault of its own, which whoever looks at all records tells.
      return typeof record === 'string' ? [] : { leaf_index: row.leaf_index, details: record.details ?? {} };
    })
    .find(({ details }) => details['erasure'] === erasure);
}
