/** What the data path asks of the spool (P24); `gateway/records/` implements it. */
import type { Placed } from '#shared/base/bag.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';

/** An access whose opening record is written. */
export interface OpenAccess extends Placed {
  readonly opening: AccessRecord;
}

/** A time in which no access could be recorded, and so none was given. */
export interface SpoolPause {
  readonly why: string;
  readonly ms: number;
}

export interface RecordSink {
  /** Resolves when the record is written to the spool file; rejects when it cannot be: no record, no access. */
  open(opening: AccessRecord): Promise<OpenAccess>;
  /** A progress or closing record. Must not throw: the access has been given already. */
  close(access: OpenAccess, record: AccessRecord): void;
  /** A refusal; equal ones may be merged. Must not throw. */
  refuse(record: AccessRecord): void;
  /** `tell` makes the record of such a time, once it is over. */
  onPause?(tell: (pause: SpoolPause) => AccessRecord): void;
}
