/** Equal denials of one device, or of one stranger's network, beyond 50 a second become one counted record (P24): a flood fills no disk and is still told. */
import { sourceOf } from '#shared/base/source-of.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';

const perSecond = 50;
/** Of all who have no certificate of ours together: they cost nothing to be, and have as many addresses as they like. */
const strangersPerSecond = 200;
/** Without room one record for each reason is written, and only at every tenth call. */
const flushesWithoutRoom = 10;
/** Different floods kept apart at once; beyond it they share one count. */
const maxKeys = 10_000;

interface Count {
  written: number;
  held: number;
  /** Of those that were held: a written one may not come twice, since the controller refuses a second record of its id. */
  last: AccessRecord | undefined;
}

export class DenialMerger {
  readonly #write: (record: AccessRecord) => void;
  #counts = new Map<string, Count>();
  #strangers = 0;
  #flushes = 0;

  constructor(write: (record: AccessRecord) => void) {
    this.#write = write;
  }

  /** Writes the record, or counts it when there were many equal ones this second or there is no room. */
  take(record: AccessRecord, room: boolean): void {
    // Where there is no room, who it was is not told each time: a flood from many would use up what is kept for better things.
    const isCrowd = record.device === undefined && this.#strangers >= strangersPerSecond;
    const key = !room || isCrowd ? record.reasons.join() : this.#counts.size < maxKeys ? keyOf(record) : '';
    const count = this.#counts.get(key) ?? { written: 0, held: 0, last: undefined };
    this.#counts.set(key, count);
    if (room && !isCrowd && count.written < perSecond) {
      count.written += 1;
      if (record.device === undefined) this.#strangers += 1;
      this.#write(record);
    } else {
      count.held += 1;
      count.last = record;
    }
  }

  /** Called once a second, and at the end. */
  flush(room = true): void {
    this.#flushes += 1;
    if (!room && this.#flushes % flushesWithoutRoom !== 0) return;
    const counts = this.#counts;
    this.#counts = new Map();
    this.#strangers = 0;
    for (const { held, last } of counts.values()) if (last !== undefined) this.#write({ ...last, count: held });
  }
}

function keyOf(record: AccessRecord): string {
  return `${record.device ?? sourceOf(record.from ?? '')}|${record.app ?? ''}|${record.reasons.join()}`;
}
