/** How often a device may ask for something dear (P11): grants, lists, reports, sign-ins. A token bucket each, in memory, since losing it only forgives. */
export class DeviceBudget {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #buckets = new Map<string, { tokens: number; at: number; refusedAt: number; refused: number }>();

  /** `burst` is how many may come at once; as many as in one second, unless told. */
  constructor(perSecond = 20, burst = perSecond) {
    this.#perSecond = perSecond;
    this.#burst = burst;
  }

  /** 0 when taken; else the milliseconds until the next one is due, and nothing is taken. */
  take(device: string, now: number): number {
    const bucket = this.#buckets.get(device) ?? this.#fresh(now);
    const gained = (Math.max(0, now - bucket.at) * this.#perSecond) / 1000;
    const tokens = Math.min(this.#burst, bucket.tokens + gained);
    // Moved to the end: the map's order is by last use, so that forgetting starts with the longest unused.
    this.#buckets.delete(device);
    if (this.#buckets.size >= 100_000) this.#forget(now);
    this.#buckets.set(device, { ...bucket, tokens: tokens >= 1 ? tokens - 1 : tokens, at: now });
    return tokens >= 1 ? 0 : Math.ceil(((1 - tokens) * 1000) / this.#perSecond);
  }

  /** Takes more from a bucket that was asked before, for what turned out to be dear; it may go below nothing. */
  charge(device: string, tokens: number): void {
    const bucket = this.#buckets.get(device);
    if (bucket !== undefined) bucket.tokens -= tokens;
  }

  /** For the first refusal of a device in a second, which is recorded: how many there were since the one before. 0 for the others. */
  refusalsToTell(device: string, now: number): number {
    const bucket = this.#buckets.get(device);
    if (bucket === undefined) return 0;
    bucket.refused += 1;
    if (now - bucket.refusedAt < 1000) return 0;
    const count = bucket.refused;
    bucket.refused = 0;
    bucket.refusedAt = now;
    return count;
  }

  #fresh(now: number) {
    return { tokens: this.#burst, at: now, refusedAt: Number.NEGATIVE_INFINITY, refused: 0 };
  }

  #forget(now: number): void {
    const fullAfter = (this.#burst * 1000) / this.#perSecond;
    for (const [device, { at }] of this.#buckets) {
      if (now - at < fullAfter && this.#buckets.size < 200_000) return;
      this.#buckets.delete(device);
    }
  }
}
