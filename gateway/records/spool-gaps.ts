/**
 * Finds what a segment no longer tells (P24). Its places are numbered without gaps, so whatever is missing between two good lines is known by
 * number; one record, `records-lost`, stands for it at the controller. All of that record comes out of the segment, so that it is the same
 * whenever it is sent.
 */
import { sha256 } from '#shared/base/bytes.ts';
import type { AccessRecord, SpooledRecord } from '#shared/contracts/record.ts';
import type { WholeLine } from './later-record.ts';
import type { Damage } from './spool-scan.ts';

export interface GapParts {
  readonly gateway: string;
  readonly spool: string;
  /** When the segment was last written to: the time of a loss where no line is left that has one. */
  readonly writtenAt: number;
}

/** A line that jumps farther was made by nobody who counts. */
const farthest = 1_000_000;
/** No line of a record is shorter. */
const leastLine = 64;

/** How many records so many damaged bytes can have held at most. */
export const mostRecords = (bytes: number): number => Math.max(1, Math.ceil(bytes / leastLine));

export class SpoolGaps {
  /** The last number that was seen, or told to be lost. */
  #last = 0;
  #time: number | undefined;
  #damage: { offset: number; bytes: number } | undefined;

  get damage(): { readonly offset: number; readonly bytes: number } | undefined {
    return this.#damage;
  }

  /** `offset`: in the segment. */
  skip({ damaged, offset }: Damage): void {
    this.#damage = { offset: this.#damage?.offset ?? offset, bytes: (this.#damage?.bytes ?? 0) + damaged };
  }

  /** What must be sent at this line: what is missing before it, and the line itself if it is a record. */
  follow(line: WholeLine, parts: GapParts): SpooledRecord[] {
    if ('carry' in line) return this.#see(line.carry, []);
    if ('left' in line) return this.#missing(line.last, parts);
    // Taken for true it would hide all that comes after it.
    if (line.seq - this.#last > farthest) return [];
    const found = this.#missing(line.seq - 1, { ...parts, writtenAt: line.record.time });
    this.#last = Math.max(this.#last, line.seq);
    return this.#see(line.record, [...found, line]);
  }

  #see<T>({ time }: AccessRecord, found: T): T {
    this.#time = time;
    return found;
  }

  #missing(last: number, { gateway, spool, writtenAt }: GapParts): SpooledRecord[] {
    const first = this.#last + 1;
    if (last < first || last - first > farthest) return [];
    const details = { spool, first, last, offset: this.#damage?.offset, bytes: this.#damage?.bytes ?? 0 };
    const hash = sha256(JSON.stringify([gateway, details])).toString('hex');
    this.#last = last;
    this.#damage = undefined;
    const record: AccessRecord = {
      id: `rec_${hash.slice(32, 56)}`,
      time: goodTime(this.#time) ?? goodTime(writtenAt) ?? 0,
      kind: 'gateway',
      event: 'records-lost',
      phase: 'single',
      trace: hash.slice(0, 32),
      verdict: 'none',
      reasons: [],
      gateway,
      details,
    };
    return [{ seq: last, record }];
  }
}

const goodTime = (time: number | undefined): number | undefined =>
  time !== undefined && Number.isSafeInteger(time) && time > 0 ? time : undefined;
