/**
 * Who may knock at this gateway (P25 to P28): what the stream says, and the replay memory is the primary's. Each data path has one
 * for its prelude door, and the primary one for the knocks that come by UDP.
 */
import { fromBase64url } from '#shared/base/bytes.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { KnockKey } from '#shared/contracts/gateway-to-controller.ts';
import { doorTimes } from '#shared/contracts/knock.ts';
import { KeyRing, type KnockCredential } from '#shared/wire/doors/key-ring.ts';
import { KnockCounts, type RefusalSample } from '#shared/wire/doors/knock-counts.ts';
import { KnockJudge } from '#shared/wire/doors/knock-judge.ts';
import type { ReplayMemory } from '#shared/wire/doors/replay-memory.ts';
import type { Counts } from '../metrics/counters.ts';

export interface GatewayDoorParts {
  readonly memory: ReplayMemory;
  /** Controller time. */
  readonly clock: Clock;
  readonly log: Log;
  readonly onRefused: (sample: RefusalSample) => void;
  /** Knocks of no key here may be for the controller of this host. */
  readonly passesOn: boolean;
}

export class GatewayDoor {
  readonly judge: KnockJudge;
  readonly #ring = new KeyRing(doorTimes.gateway);
  readonly #counts: KnockCounts;
  #known: readonly KnockKey[] | undefined;

  constructor({ memory, clock, log, onRefused, passesOn }: GatewayDoorParts) {
    this.#counts = new KnockCounts({ onSample: onRefused });
    const kinds = ['mutual'] as const;
    const rules = { ring: this.#ring, times: doorTimes.gateway, kinds };
    this.judge = new KnockJudge({ ...rules, memory, counts: this.#counts, clock, log, passesOn });
  }

  /** These keys and no others from now on. */
  follow(keys: readonly KnockKey[]): void {
    if (keys === this.#known) return;
    this.#known = keys;
    this.#ring.keepOnly(keys.flatMap(toCredential));
  }

  /** Whether this key is good now. */
  has(id: string): boolean {
    return this.#ring.has(id);
  }

  counts(): Counts {
    return Object.fromEntries(
      Object.entries(this.#counts.read()).map(([reason, count]) => [`knocks|${reason}`, count]),
    );
  }
}

/** A key that cannot be read opens nothing, and is no reason to lose the others. */
function toCredential({ id, client, secret, since, until }: KnockKey): KnockCredential[] {
  const bytes = fromBase64url(secret);
  return bytes?.length === 32 ? [{ id, client, secret: bytes, kinds: ['mutual'], since, until }] : [];
}
