/**
 * Calls of devices that are out of service, or that come with what belongs to another, on record: a stolen laptop that goes on trying is what an administrator wants to see.
 * One record a minute for each device, reason and call, so that it cannot fill the log instead.
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

export class RefusedCalls {
  readonly #parts: Pick<IdentityParts, 'store' | 'clock'>;
  readonly #noted = new Map<string, number>();

  constructor(parts: Pick<IdentityParts, 'store' | 'clock'>) {
    this.#parts = parts;
  }

  async note({ route, reason, device, person, origin }: RefusedCall): Promise<void> {
    const { store, clock } = this.#parts;
    const now = clock.now();
    for (const [key, at] of this.#noted) if (now - at >= minute) this.#noted.delete(key);
    const key = `${device} ${reason} ${route.path}`;
    if (this.#noted.has(key)) return;
    this.#noted.set(key, now);
    await appendRecord(store.db, now, {
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
