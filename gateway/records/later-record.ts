/**
 * The spool says once what stays the same in all records of an access, in its opening, and of the later ones only what is neither as there nor
 * as usual; here they are written so, and made whole again for whoever reads them (P24). It is most of what a gateway would write.
 */
import { GrowingNumber } from '#shared/base/growing-number.ts';
import type { AccessRecord, SpooledRecord } from '#shared/contracts/record.ts';
import type { Later } from '../record-sink.ts';
import { type AlikeEntry, AlikeOpenings } from './alike-openings.ts';
import type { SpoolEntry } from './spool-format.ts';

/** What a later record says where its line does not. */
const usual = { phase: 'closing', bytesUp: 0, bytesDown: 0, durationMs: 0 } as const;
const usualDetails = { ended: 'complete' } as const;

/** As it stands in a line. */
export type WrittenLater = Pick<Later, 'opening' | 'id' | 'time'> & Partial<Later>;

const times = new GrowingNumber();

/** By hand, which is far less work than for JSON.stringify: but for `reasons` and `details` it is numbers, closed words and ids of our own. */
export function laterJson(later: Later): string {
  const { phase, reasons, status, bytesUp, bytesDown, durationMs, details } = later;
  let json = `{"opening":"${later.opening}","id":"${later.id}","time":${times.text(later.time)}`;
  if (phase !== usual.phase) json += `,"phase":"${phase}"`;
  if (reasons !== undefined) json += `,"reasons":${JSON.stringify(reasons)}`;
  if (status !== undefined) json += `,"status":${status}`;
  if (bytesUp !== usual.bytesUp) json += `,"bytesUp":${bytesUp}`;
  if (bytesDown !== usual.bytesDown) json += `,"bytesDown":${bytesDown}`;
  if (durationMs !== usual.durationMs) json += `,"durationMs":${durationMs}`;
  const isUsual = details['ended'] === usualDetails.ended && Object.keys(details).length === 1;
  return isUsual ? `${json}}` : `${json},"details":${JSON.stringify(details)}}`;
}

export function laterRecord(opening: AccessRecord, later: WrittenLater): AccessRecord {
  const { details = usualDetails, ...rest } = later;
  return { ...opening, ...usual, ...rest, details: { ...opening.details, ...details } };
}

export type WholeLine = Exclude<SpoolEntry, AlikeEntry | { readonly later: WrittenLater }>;

/** Follows one segment from its start, or all segments of one writer: what is open in one is carried into the next. */
export class LaterRecords {
  readonly #openings = new Map<string, AccessRecord>();
  readonly #alike = new AlikeOpenings();

  /** Numbers begin anew. */
  beginSegment(): void {
    this.#alike.forget();
  }

  /** Nothing for a record that rests on one that is lost: so is what it says, and its number is missing. */
  whole(line: SpoolEntry): WholeLine | undefined {
    if ('left' in line) return line;
    if ('carry' in line) {
      this.#open(line.carry);
      return line;
    }
    if ('later' in line) return this.#later(line);
    const whole = 'like' in line ? this.#alike.whole(line) : line;
    if (whole === undefined) return undefined;
    if (whole === line) this.#alike.see(whole);
    this.#open(whole.record);
    return whole;
  }

  #open(record: AccessRecord): void {
    if (record.phase === 'opening') this.#openings.set(record.id, record);
  }

  #later({ seq, later }: { readonly seq: number; readonly later: WrittenLater }): SpooledRecord | undefined {
    const opening = this.#openings.get(later.opening);
    if (opening === undefined) return undefined;
    const record = laterRecord(opening, later);
    if (record.phase === 'closing') this.#openings.delete(later.opening);
    return { seq, record };
  }
}
