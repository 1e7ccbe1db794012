/**
 * A grant that is asked for right after the sign-in comes before any gateway can have confirmed the session's knock key (P26):
 * it waits for the first one, and only then.
 */
import { type Clock, second } from '#shared/base/clock.ts';
import type { FreshGateway } from '../from-gateways/fresh-gateways.ts';
import type { CutWatch } from '../revocation/cut-report.ts';
import type { Db } from '../store/open-store.ts';
import { readyGateways } from './ready-gateways.ts';

export interface AwaitDoorsParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly fresh: (db: Db) => Promise<readonly FreshGateway[]>;
  readonly cuts: Pick<CutWatch, 'nextApplied'>;
}

const youngMs = 5 * second;
const patienceMs = second;

export type AwaitDoors = (session: { readonly id: string; readonly startedAt: number }) => Promise<void>;

export function awaitDoors({ db, clock, fresh, cuts }: AwaitDoorsParts): AwaitDoors {
  return async ({ id, startedAt }) => {
    if (clock.now() - startedAt > youngMs) return;
    for (const until = performance.now() + patienceMs; performance.now() < until; ) {
      const gateways = await fresh(db);
      if (gateways.length === 0 || (await readyGateways(db, gateways, id)).length > 0) return;
      await cuts.nextApplied(250);
    }
  };
}
