/** A record as its row: leaf and disclosures, which are the record, and beside them columns to search by, which erasing clears (P34). */
import type { AccessRecord } from '#shared/contracts/record.ts';
import { fromLeaf, type SealedRecord, toLeaf } from '#shared/log/leaf.ts';

/** `delivery` names its place in a gateway's spool, and the digest of what was delivered. */
export function recordRow(
  record: AccessRecord,
  delivery?: { readonly gateway: string; readonly spool: string; readonly seq: number; readonly digest: string },
) {
  return {
    ...openColumns(record),
    ...personalColumns(record),
    gateway_id: delivery?.gateway ?? record.gateway ?? null,
    spool: delivery?.spool ?? null,
    seq: delivery?.seq ?? null,
    digest: delivery?.digest ?? '',
    ...toLeaf(record, delivery),
  };
}

/** Columns that say what the leaf says. */
export function openColumns(record: AccessRecord) {
  return {
    id: record.id,
    time: record.time,
    arrived: record.arrived ?? null,
    kind: record.kind,
    phase: record.phase,
    verdict: record.verdict,
    reason: record.reasons[0] ?? null,
    trace: record.trace,
    event: record.event ?? null,
    device_id: record.device ?? null,
    app_id: record.app ?? null,
    gateway_id: record.gateway ?? null,
    grant_id: record.kind === 'grant' ? (record.grant ?? null) : null,
    method: record.request?.method ?? null,
    operation: record.request?.operation ?? null,
    status: record.status ?? null,
  };
}

/** Columns that say what disclosures say: null where there is none, or none any more. */
export function personalColumns({ person, actor, from, request, erased = [] }: AccessRecord) {
  const told = (name: 'host' | 'path') => (request === undefined || erased.includes(name) ? null : request[name]);
  return {
    person_id: person ?? null,
    actor: actor ?? null,
    address: from ?? null,
    host: told('host'),
    path: told('path'),
  };
}

/** A row of somebody who was erased: what is hashed, and nothing personal. */
export function bareRow<R extends ReturnType<typeof recordRow>>(row: R): R {
  const bare = { leaf: row.leaf, disclosures: '[]' };
  return { ...row, ...bare, ...personalColumns(recordOf(bare)), digest: '' };
}

/** The record of a row. */
export const recordOf = (row: SealedRecord): AccessRecord => fromLeaf(row).record;
