/**
 * Calls of devices that are out of service, or that come with what belongs to another, on record: a stolen laptop that goes on trying is what an administrator wants to see.
 * One record a minute for each device, reason and call, so that it cannot fill the log instead; it counts those that came since the one before.
 */
import { minute } from '#shared/base/clock.ts';
import type { DenyReason } from '#shared/contracts/reasons.ts';
import type { RouteShape } from '#shared/contracts/route.ts';
import type { IdentityParts, Origin } from '../identity/identity-parts.ts';
import { appendRecord } from '../log/append-record.ts';

export interface RefusedCall {
  readonly route: RouteShape;
  readonly reason: DenyReason;
  readonly device: string;
  readonly person?: string;
  readonly origin: Origin;
}

/** Kept apart at once; the one that was told longest ago gives way. */
const mostKeys = 10_000;

export class RefusedCalls {
  readonly #parts: Pick<IdentityParts, 'store' | 'clock'>;
  /** When it was told, and how many like it came since. */
  readonly #told = new Map<string, { readonly at: number; more: number }>();

  constructor(parts: Pick<IdentityParts, 'store' | 'clock'>) {
    this.#parts = parts;
  }

  async note({ route, reason, device, person, origin }: RefusedCall): Promise<void> {
    const { store, clock } = this.#parts;
    const now = clock.now();
    const key = `${device} ${reason} ${route.path}`;
    const told = this.#told.get(key);
    if (told !== undefined && now - told.at < minute) {
      told.more += 1;
      return;
    }
    this.#told.delete(key);
    this.#told.set(key, { at: now, more: 0 });
    if (this.#told.size > mostKeys) this.#told.delete(this.#told.keys().next().value!);
    const count = 1 + (told?.more ?? 0);
    await appendRecord(store.db, now, {
      ...(count === 1 ? {} : { count }),
      kind: route.path.startsWith('/v1/sign-in') ? 'sign-in' : 'device',
      verdict: 'deny',
      reasons: [reason],
      device,
      ...(person === undefined ? {} : { person }),
      ...origin,
      event: 'call-refused',
      details: { call: `${route.method} ${route.path}` },
    });
  }
}
