/** What the data path asks of the spool (P24); `gateway/records/` implements it. */
import type { AccessRecord } from '#shared/contracts/record.ts';

export interface RecordSink {
  /** Resolves when the record is written to the spool file; rejects when it cannot be: no record, no access. */
  open(record: AccessRecord): Promise<void>;
  /** A progress or closing record. Must not throw: the access has been given already. */
  close(record: AccessRecord): void;
  /** A refusal; equal ones may be merged. Must not throw. */
  refuse(record: AccessRecord): void;
}
