/** The access log as it stands in a store, in the order of writing. */
import type { AccessRecord } from '#shared/contracts/record.ts';
import { recordOf } from '../../controller/log/record-row.ts';
import type { Db } from '../../controller/store/open-store.ts';

export async function storedRecords(db: Db): Promise<AccessRecord[]> {
  const rows = await db.selectFrom('records').select(['leaf', 'disclosures']).orderBy('position').execute();
  return rows.map(recordOf);
}
