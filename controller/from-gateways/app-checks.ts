/** Asks gateways on their streams to try an app, and pairs what they say with the question. */
import { randomId } from '#shared/base/bytes.ts';
import type { GatewayFinding } from '#shared/contracts/app-check.ts';
import type { CheckOrder } from '#shared/contracts/gateway-to-controller.ts';
import type { GatewayStreams } from './gateway-streams.ts';

interface Open {
  readonly gateway: string;
  readonly resolve: (finding: GatewayFinding | undefined) => void;
}

/** Milliseconds: five steps of at most five seconds each. */
const patienceMs = 26_000;

export class AppChecks {
  readonly #streams: Pick<GatewayStreams, 'order'>;
  readonly #open = new Map<string, Open>();

  constructor(streams: Pick<GatewayStreams, 'order'>) {
    this.#streams = streams;
  }

  /**
   * Undefined when the gateway is away, too old to know this order, or says nothing in time. `startingMs`: how long its stream is
   * waited for.
   */
  ask(gateway: string, app: string, startingMs: number): Promise<GatewayFinding | undefined> {
    const id = `chk_${randomId()}`;
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(undefined), startingMs + patienceMs);
      const done = (finding: GatewayFinding | undefined) => {
        clearTimeout(timer);
        this.#open.delete(id);
        resolve(finding);
      };
      this.#open.set(id, { gateway, resolve: done });
      this.#order(gateway, { t: 'check', id, app }, Date.now() + startingMs, () => done(undefined));
    });
  }

  /** One that has just been started may not have its stream yet. */
  #order(gateway: string, order: CheckOrder, end: number, giveUp: () => void): void {
    if (this.#streams.order(gateway, order)) return;
    if (Date.now() >= end || !this.#open.has(order.id)) giveUp();
    else setTimeout(() => this.#order(gateway, order, end, giveUp), 250);
  }

  /** What nobody asked this gateway, or no longer waits for, is dropped. */
  answered(gateway: string, id: string, finding: GatewayFinding): void {
    const open = this.#open.get(id);
    if (open?.gateway === gateway) open.resolve(finding);
  }

  stop(): void {
    for (const { resolve } of this.#open.values()) resolve(undefined);
  }
}
