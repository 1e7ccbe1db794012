/** Equal denials of one device beyond 50 a second become one counted record (P24): a flood fills no disk and is still told. */
import type { AccessRecord } from '#shared/contracts/record.ts';

const perSecond = 50;
/** Different floods kept apart at once; beyond it they share one count. */
const maxKeys = 10_000;

interface Count {
  written: number;
  held: number;
  last: AccessRecord;
}

export class DenialMerger {
  readonly #write: (record: AccessRecord) => void;
  #counts = new Map<string, Count>();

  constructor(write: (record: AccessRecord) => void) {
    this.#write = write;
  }

  /** Writes the record, or counts it when there were many equal ones this second or there is no room. */
  take(record: AccessRecord, room: boolean): void {
    const key = this.#counts.size < maxKeys ? keyOf(record) : '';
    const count = this.#counts.get(key) ?? { written: 0, held: 0, last: record };
    this.#counts.set(key, count);
    count.last = record;
    if (room && count.written < perSecond) {
      count.written += 1;
      this.#write(record);
    } else {
      count.held += 1;
    }
  }

  /** Called once a second. */
  turn(): void {
    this.flush();
  }

  flush(): void {
    const counts = this.#counts;
    this.#counts = new Map();
    for (const { held, last } of counts.values()) if (held > 0) this.#write({ ...last, count: held });
  }
}

function keyOf(record: AccessRecord): string {
  return `${record.device ?? record.from ?? ''}|${record.app ?? ''}|${record.reasons.join()}`;
}
