/** What this session knocks with at gateways' doors (P26): told with each grant, kept in memory alone. */
import type { KnockSource } from '#shared/wire/doors/knock-source.ts';
import type { DeviceKnocks } from '../to-controller/device-knocks.ts';

export class SessionKnocks {
  readonly #knocks: DeviceKnocks;
  #secret: string | undefined;

  constructor(knocks: DeviceKnocks) {
    this.#knocks = knocks;
  }

  /** Another session has another one. Of gateways that do not hide nothing is told, and nothing is forgotten. */
  use(secret: string | undefined): void {
    if (secret !== undefined) this.#secret = secret;
  }

  /** Undefined before anything was told: then no gateway that hides was named either. */
  at(door: string): KnockSource | undefined {
    return this.#secret === undefined ? undefined : this.#knocks.at(door, this.#secret, 'mutual');
  }
}
