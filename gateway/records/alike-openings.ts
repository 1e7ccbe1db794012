/**
 * Openings under one grant differ in four members. The first of them stands whole in a segment, and the others name its number; here both
 * sides of that. It is half of what an opening would take.
 */
import type { AccessRecord, SpooledRecord } from '#shared/contracts/record.ts';
import type { SamePart } from '../record-sink.ts';

/** The members of an opening that are its own. */
type Own = Pick<AccessRecord, 'id' | 'time' | 'trace' | 'request'>;
export interface AlikeEntry {
  readonly seq: number;
  readonly like: number;
  readonly own: Own;
}

/** From one multiple of it to the next everything is said anew, so that damage to one place takes little with it, and nobody remembers more parts. */
const block = 2048;

/** Of a writer: what its segment says already. */
export class SaidParts {
  readonly #numbers = new Map<SamePart, number>();
  #block = 0;

  /** The number of an opening with this part, which the one at `seq` may name; nothing when that one must say it. */
  like(seq: number, same: SamePart): number | undefined {
    const at = Math.floor(seq / block);
    if (at !== this.#block) this.forget();
    this.#block = at;
    const number = this.#numbers.get(same);
    if (number === undefined) this.#numbers.set(same, seq);
    return number;
  }

  /** A new segment, or lines that could not be written. */
  forget(): void {
    this.#numbers.clear();
  }
}

/** Of a reader, for one segment. */
export class AlikeOpenings {
  readonly #parts = new Map<number, Omit<AccessRecord, keyof Own>>();

  /** `record`: one that stood whole at `seq`. */
  see({ seq, record }: SpooledRecord): void {
    if (record.phase !== 'opening') return;
    const { id: _, time: __, trace: ___, request: ____, ...part } = record;
    this.#parts.set(seq, part);
    if (this.#parts.size > block) this.#parts.delete(this.#parts.keys().next().value!);
  }

  /** Nothing where the opening that it names is lost: so is this one. */
  whole({ seq, like, own }: AlikeEntry): SpooledRecord | undefined {
    const part = this.#parts.get(like);
    return part === undefined ? undefined : { seq, record: { ...own, ...part } };
  }

  forget(): void {
    this.#parts.clear();
  }
}
