/** What the data path asks of the spool (P24); `gateway/records/` implements it. */
import type { Placed } from '#shared/base/bag.ts';
import type { PosternError } from '#shared/base/errors.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';

/** An access on record, or on its way there. */
export interface OpenAccess extends Placed {
  /** Of its opening record. */
  readonly id: string;
  /** Of the opening record `id`, `time`, `trace` and `request`, as members of a JSON object. Made once: they are written as they are. */
  readonly own: string;
  /** The rest of it; the same object for all accesses of which it is known that they say the same here. */
  readonly same: SamePart;
}

export interface SamePart {
  /** Members of a JSON object. */
  readonly members: string;
}

/** The opening record, whole. */
export const openingJson = ({ own, same }: Pick<OpenAccess, 'own' | 'same'>): string => `{${own},${same.members}}`;

/** What is told of an access later: whatever else its record says is as in the opening. `id`, `opening`: made by a gateway. */
export type Later = Pick<AccessRecord, 'id' | 'time' | 'status'> & {
  readonly phase: 'progress' | 'closing';
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly durationMs: number;
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

/** Told once what became of an opening record. Called from the spool's own turn: must not throw. */
export interface Opening {
  /** It stands in the spool file. */
  onOpened(): void;
  /** It could not be written: no record, no access. */
  onUnopened(cause: PosternError): void;
}

export interface RecordSink {
  /** By a call, and perhaps before this returns: a promise for each access would cost more than its record. */
  open(access: OpenAccess, opening: Opening): void;
  /** A progress or closing record of an access whose opening is written. Must not throw: it has been given already. */
  tellLater(access: OpenAccess, later: Later): void;
  /** A refusal; equal ones may be merged. Must not throw. */
  refuse(record: AccessRecord): void;
  /** `tell` makes the record of such a time, once it is over. */
  onPause?(tell: (pause: SpoolPause) => AccessRecord): void;
}
