/** Appends one record of the controller's own doing, in the transaction of what it tells of: no record, no change. */
import { newTrace, randomId, sha256 } from '#shared/base/bytes.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { Db } from '../store/open-store.ts';

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

/** A record as its row. `delivery` names its place in a gateway's spool, and the digest of what was delivered. */
export function recordRow(
  record: AccessRecord,
  delivery?: { gateway: string; spool: string; seq: number; digest: string },
) {
  const text = JSON.stringify(record);
  return {
    id: record.id,
    time: record.time,
    kind: record.kind,
    phase: record.phase,
    verdict: record.verdict,
    reason: record.reasons[0] ?? null,
    trace: record.trace,
    person_id: record.person ?? null,
    device_id: record.device ?? null,
    app_id: record.app ?? null,
    gateway_id: delivery?.gateway ?? record.gateway ?? null,
    spool: delivery?.spool ?? null,
    seq: delivery?.seq ?? null,
    digest: delivery?.digest ?? sha256(text).toString('hex'),
    record: text,
    grant_id: record.kind === 'grant' ? (record.grant ?? null) : null,
  };
}
