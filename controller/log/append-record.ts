/** Appends one record of the controller's own doing, in the transaction of what it tells of: no record, no change. */
import { newTrace, randomId } from '#shared/base/bytes.ts';
import type { AccessRecord, RecordKind } from '#shared/contracts/record.ts';
import type { RecordEvent } from '#shared/contracts/record-events.ts';
import type { Db } from '../store/open-store.ts';
import { insertRecord } from './insert-record.ts';
import { recordRow } from './record-row.ts';

/** A record before it has an id and a time. `reasons` name the verdict; without a verdict it is `none`. */
export type RecordDraft = Omit<
  AccessRecord,
  'id' | 'time' | 'kind' | 'event' | 'phase' | 'trace' | 'verdict' | 'reasons'
> &
  Partial<Pick<AccessRecord, 'id' | 'trace' | 'verdict' | 'reasons'>> &
  Happening;

/** A kind with one of its events, or one that has none. */
type Happening = {
  [K in RecordKind]: [RecordEvent<K>] extends [never]
    ? { readonly kind: K; readonly event?: never }
    : { readonly kind: K; readonly event: RecordEvent<K> };
}[RecordKind];

export async function appendRecord(db: Db, at: number, draft: RecordDraft): Promise<AccessRecord> {
  const { id, kind, event, trace, verdict, reasons, ...rest } = draft;
  // In the order in which it is read.
  const record: AccessRecord = {
    id: id ?? `rec_${randomId(20)}`,
    time: at,
    kind,
    ...(event === undefined ? {} : { event }),
    phase: 'single',
    trace: trace ?? newTrace(),
    verdict: verdict ?? 'none',
    reasons: reasons ?? [],
    ...rest,
  };
  await insertRecord(db, recordRow(record));
  return record;
}
