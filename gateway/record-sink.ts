/** What the data path asks of the spool (P24); `gateway/records/` implements it. */
import type { Placed } from '#shared/base/bag.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';

/** An access on record, or on its way there. */
export interface OpenAccess extends Placed {
  /** Of its opening record. */
  readonly id: string;
  /** The opening record as JSON, made once: it is written as it is. */
  readonly json: string;
}

/** What is told of an access later: whatever else its record says is as in the opening. */
export type Later = Pick<AccessRecord, 'id' | 'time' | 'status' | 'bytesUp' | 'bytesDown' | 'durationMs'> & {
  readonly phase: 'progress' | 'closing';
  /** Of the opening record. */
  readonly opening: string;
  /** Instead of those of the opening. */
  readonly reasons?: AccessRecord['reasons'];
  /** Beside those of the opening. */
  readonly details: Readonly<Record<string, unknown>>;
};

/** A time in which no access could be recorded, and so none was given. */
export interface SpoolPause {
  readonly why: string;
  readonly ms: number;
}

export interface RecordSink {
  /** Resolves when the record is written to the spool file; rejects when it cannot be: no record, no access. */
  open(access: OpenAccess): Promise<void>;
  /** A progress or closing record of an access whose opening is written. Must not throw: it has been given already. */
  close(access: OpenAccess, later: Later): void;
  /** A refusal; equal ones may be merged. Must not throw. */
  refuse(record: AccessRecord): void;
  /** `tell` makes the record of such a time, once it is over. */
  onPause?(tell: (pause: SpoolPause) => AccessRecord): void;
}
