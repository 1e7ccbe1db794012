/** Which keys have let which sources in of late, so that with a key goes what it opened (P26). */
import { type Clock, steadyOf } from '../../base/clock.ts';

interface Opened {
  readonly credential: string;
  readonly source: string;
  readonly port: number;
}

export type Way = Pick<Opened, 'source' | 'port'>;

export class OpenedBy {
  readonly #steady: Clock;
  readonly #forMs: number;
  readonly #opened = new Map<string, Opened & { readonly until: number }>();
  #isGood: (credential: string) => boolean = () => true;

  /** `forMs`: how long a source is let in. */
  constructor(clock: Clock, forMs: number) {
    this.#steady = steadyOf(clock);
    this.#forMs = forMs;
  }

  /** False when the key has gone since it was judged: nothing may be opened by it. */
  add(opened: Opened): boolean {
    this.#forgetOld();
    if (!this.#isGood(opened.credential)) return false;
    const { credential, source, port } = opened;
    const name = `${credential} ${source} ${port}`;
    // Put in anew, so that the oldest come first.
    this.#opened.delete(name);
    this.#opened.set(name, { ...opened, until: this.#steady.now() + this.#forMs });
    return true;
  }

  /** These keys are good from now on: what was opened by others, and by none of these, is to be shut. */
  keepOnly(isGood: (credential: string) => boolean): Way[] {
    this.#isGood = isGood;
    this.#forgetOld();
    const gone: Opened[] = [];
    for (const [name, opened] of this.#opened) {
      if (isGood(opened.credential)) continue;
      this.#opened.delete(name);
      gone.push(opened);
    }
    const kept = [...this.#opened.values()];
    return gone.filter((way) => !kept.some(({ source, port }) => source === way.source && port === way.port));
  }

  #forgetOld(): void {
    const now = this.#steady.now();
    for (const [name, { until }] of this.#opened) {
      if (until > now) return;
      this.#opened.delete(name);
    }
  }
}
