/** Notices that this machine is in another network, within a second: two small files and the list of addresses are read for it. */
import { second } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import { type NetworkNow, networkNow } from './network-now.ts';

export interface NetworkWatchParts {
  /** Another network, or addresses that are gone. */
  readonly onChange: (now: NetworkNow) => void;
  readonly log: Log;
  readonly read?: () => NetworkNow;
}

const lookMs = second;

export class NetworkWatch {
  readonly #parts: NetworkWatchParts;
  readonly #read: () => NetworkNow;
  #now: NetworkNow;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: NetworkWatchParts) {
    this.#parts = parts;
    this.#read = parts.read ?? networkNow;
    this.#now = this.#read();
  }

  get id(): string {
    return this.#now.id;
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), lookMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  look(): void {
    const before = this.#now;
    this.#now = this.#read();
    const { id, addresses } = this.#now;
    const isOther = id !== before.id;
    // One that came is no reason: temporary addresses of IPv6 come every day.
    const gone = before.addresses.filter((address) => !addresses.includes(address));
    if (!isOther && gone.length === 0) return;
    this.#parts.log.info({ network: id, isOther, gone: gone.length }, 'the network has changed');
    this.#parts.onChange(this.#now);
  }
}
