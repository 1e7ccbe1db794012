/**
 * What becomes of knocks: counted by reason for metrics, and a few told, so that an operator sees who is at the door. A flood
 * costs a number each: at most one telling a minute for a source and reason, and the oldest source gives way (P27).
 */
import { minute } from '../../base/clock.ts';
import { sourceOf } from '../../base/source-of.ts';
import type { KnockReason } from '../../contracts/knock.ts';

export interface RefusalSample {
  readonly reason: KnockReason;
  readonly source: string;
  /** Like it from this source since the last that was told, this one included. */
  readonly count: number;
  /** Only of a knock that proved to be by the holder of a key. */
  readonly client?: string | undefined;
}

export interface KnockCountsOptions {
  readonly onSample: (sample: RefusalSample) => void;
  readonly everyMs?: number;
  readonly maxSources?: number;
}

interface Told {
  at: number;
  since: number;
}

export class KnockCounts {
  readonly #onSample: KnockCountsOptions['onSample'];
  readonly #everyMs: number;
  readonly #maxSources: number;
  readonly #counts = new Map<KnockReason | 'good', number>();
  readonly #told = new Map<string, Told>();

  constructor({ onSample, everyMs = minute, maxSources = 1000 }: KnockCountsOptions) {
    this.#onSample = onSample;
    this.#everyMs = everyMs;
    this.#maxSources = maxSources;
  }

  good(): void {
    this.#add('good');
  }

  /** `now` in milliseconds, of a clock that nobody sets. */
  refused(reason: KnockReason, address: string, now: number, client?: string): void {
    this.#add(reason);
    const source = sourceOf(address);
    const name = `${reason} ${source}`;
    const told = this.#told.get(name);
    if (told !== undefined && now - told.at < this.#everyMs) {
      told.since += 1;
      return;
    }
    this.#told.delete(name);
    this.#told.set(name, { at: now, since: 0 });
    if (this.#told.size > this.#maxSources) this.#told.delete(this.#told.keys().next().value!);
    this.#onSample({ reason, source, count: (told?.since ?? 0) + 1, client });
  }

  read(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  #add(what: KnockReason | 'good'): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }
}
