/**
 * Counts how much of an app is in use, for the limits gate. Each worker counts for itself: rates are divided among them; a
 * device's requests at one time may reach the limit in each worker, which a device that spreads its connections can use.
 */
import { second } from '#shared/base/clock.ts';
import type { App } from '#shared/contracts/app.ts';
import type { Usage } from '../gates/ask.ts';

interface Bucket {
  tokens: number;
  filledAt: number;
}

export class AppUsage {
  readonly #share: number;
  /** By app, then by device. */
  readonly #running = new Map<string, Map<string, number>>();
  readonly #buckets = new Map<string, Bucket>();

  /** `workers`: how many processes share the rates. */
  constructor(workers: number) {
    this.#share = Math.max(1, workers);
  }

  /** `at` in milliseconds. */
  usage(app: App, device: string, at: number): Usage {
    const running = this.#running.get(app.id)?.get(device) ?? 0;
    const rate = this.#rate(app);
    if (rate === undefined) return { running, left: Number.POSITIVE_INFINITY, retryAfterMs: 0 };
    const { tokens } = this.#fill(app, rate, at);
    return { running, left: tokens, retryAfterMs: tokens >= 1 ? 0 : Math.ceil(((1 - tokens) / rate) * second) };
  }

  /** A request has passed the gates. Returns what must be called once when it has ended. */
  begin(app: App, device: string, at: number): () => void {
    const rate = this.#rate(app);
    if (rate !== undefined) this.#fill(app, rate, at).tokens -= 1;
    const running = this.#runningOf(app.id);
    running.set(device, (running.get(device) ?? 0) + 1);
    return () => {
      const left = (running.get(device) ?? 1) - 1;
      if (left > 0) running.set(device, left);
      else running.delete(device);
    };
  }

  #runningOf(app: string): Map<string, number> {
    let running = this.#running.get(app);
    if (running === undefined) {
      running = new Map();
      this.#running.set(app, running);
    }
    return running;
  }

  #rate(app: App): number | undefined {
    const rate = app.limits?.requestsPerSecond;
    return rate === undefined ? undefined : rate / this.#share;
  }

  /** A bucket of one second's worth, and of one request at least. */
  #fill(app: App, rate: number, at: number): Bucket {
    const size = Math.max(1, rate);
    const bucket = this.#buckets.get(app.id) ?? { tokens: size, filledAt: at };
    this.#buckets.set(app.id, bucket);
    const passed = Math.max(0, at - bucket.filledAt);
    bucket.tokens = Math.min(size, bucket.tokens + (passed / second) * rate);
    bucket.filledAt = at;
    return bucket;
  }
}
