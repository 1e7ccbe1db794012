/**
 * The spool says once what stays the same in all records of an access, in its opening; here the later ones are made whole
 * again for whoever reads them (P24). It is more than half of what a gateway writes.
 */
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { Later } from '../record-sink.ts';
import type { SpoolLine } from './spool-format.ts';

export function laterRecord(opening: AccessRecord, later: Later): AccessRecord {
  return { ...opening, ...later, details: { ...opening.details, ...later.details } };
}

export type WholeLine = Exclude<SpoolLine, { readonly later: Later }>;

/** Follows one segment from its start, or all segments of one writer: what is open in one is carried into the next. */
export class LaterRecords {
  readonly #openings = new Map<string, AccessRecord>();

  /** Nothing for a later record whose opening is lost: so is what it says, and its number is missing. */
  whole(line: SpoolLine): WholeLine | undefined {
    if ('later' in line) {
      const { seq, later } = line;
      const opening = this.#openings.get(later.opening);
      if (opening === undefined) return undefined;
      if (later.phase === 'closing') this.#openings.delete(later.opening);
      return { seq, record: laterRecord(opening, later) };
    }
    const record = 'carry' in line ? line.carry : 'record' in line ? line.record : undefined;
    if (record?.phase === 'opening') this.#openings.set(record.id, record);
    return line;
  }
}
