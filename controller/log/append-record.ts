/** Appends one record of the controller's own doing, in the transaction of what it tells of: no record, no change. */
import { newTrace, randomId } from '#shared/base/bytes.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { Db } from '../store/open-store.ts';
import { recordRow } from './record-row.ts';

/** A record before it has an id and a time. `reasons` name the verdict; without a verdict it is `none`. */
export type RecordDraft = Omit<AccessRecord, 'id' | 'time' | 'phase' | 'trace' | 'verdict' | 'reasons'> &
  Partial<Pick<AccessRecord, 'id' | 'trace' | 'verdict' | 'reasons'>>;

export async function appendRecord(db: Db, at: number, draft: RecordDraft): Promise<AccessRecord> {
  const record: AccessRecord = {
    ...draft,
    id: draft.id ?? `rec_${randomId(20)}`,
    time: at,
    phase: 'single',
    trace: draft.trace ?? newTrace(),
    verdict: draft.verdict ?? 'none',
    reasons: draft.reasons ?? [],
  };
  await db.insertInto('records').values(recordRow(record)).execute();
  return record;
}
