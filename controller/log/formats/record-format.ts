/** What every form of the log is: records to whole lines, so that parts written one after another are one file. */
import type { AccessRecord } from '#shared/contracts/record.ts';

export interface RecordFormat {
  readonly about: string;
  /** Of a file, without the dot. */
  readonly extension: string;
  readonly contentType: string;
  /** Once, before the first record. */
  readonly head?: string;
  /** One record, without a line end. */
  one(record: AccessRecord): string;
  /** Whole lines, each with its end; none for no records. */
  lines(records: readonly AccessRecord[]): string;
}

/** Line by line from what one record is. */
export function lineFormat(format: Omit<RecordFormat, 'lines'>): RecordFormat {
  return { ...format, lines: (records) => records.map((record) => `${format.one(record)}\n`).join('') };
}
