/**
 * What becomes of knocks: counted by reason for metrics, and a few told, so that an operator sees who is at the door. A flood
 * costs a number each: at most one telling a minute for a source and reason, the oldest source gives way, and so many in all, as
 * sources are easily made up (P27). What proved to be by the holder of a key has a share of its own, which noise cannot use up.
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
  /** Tellings in `everyMs`, of noise and of holders of keys each. */
  readonly maxTold?: number;
}

interface Told {
  at: number;
  since: number;
}

export class KnockCounts {
  readonly #onSample: KnockCountsOptions['onSample'];
  readonly #everyMs: number;
  readonly #maxSources: number;
  readonly #maxTold: number;
  #share = { since: Number.NEGATIVE_INFINITY, noise: 0, holders: 0 };
  readonly #counts = new Map<KnockReason | 'good', number>();
  readonly #told = new Map<string, Told>();

  constructor({ onSample, everyMs = minute, maxSources = 1000, maxTold = 250 }: KnockCountsOptions) {
    this.#onSample = onSample;
    this.#everyMs = everyMs;
    this.#maxSources = maxSources;
    this.#maxTold = maxTold;
  }

  good(): void {
    this.#add('good');
  }

  /** `now` in milliseconds, of a clock that nobody sets. */
  refused(reason: KnockReason, address: string, now: number, client?: string): void {
    this.#add(reason);
    if (now - this.#share.since >= this.#everyMs) this.#share = { since: now, noise: 0, holders: 0 };
    const source = sourceOf(address);
    const name = `${reason} ${source}`;
    const told = this.#told.get(name);
    if (told !== undefined && now - told.at < this.#everyMs) {
      told.since += 1;
      return;
    }
    const share = client === undefined ? 'noise' : 'holders';
    if (this.#share[share] >= this.#maxTold) return;
    this.#told.delete(name);
    this.#told.set(name, { at: now, since: 0 });
    if (this.#told.size > this.#maxSources) this.#told.delete(this.#told.keys().next().value!);
    this.#share[share] += 1;
    this.#onSample({ reason, source, count: (told?.since ?? 0) + 1, client });
  }

  read(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  #add(what: KnockReason | 'good'): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }
}
