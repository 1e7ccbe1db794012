/** A controller's store with keys and an owner, in memory, and a clock that only tests move. */
import type { Test } from 'tap';
import { type Authority, openAuthority } from '../../../controller/authority/open-authority.ts';
import type { Decider } from '../../../controller/grants/decider.ts';
import { type Initialised, initStore } from '../../../controller/init.ts';
import { PolicyInForce } from '../../../controller/publishing/policy-in-force.ts';
import { openStore, type Store } from '../../../controller/store/open-store.ts';
import type { Clock } from '../../../shared/base/clock.ts';
import { silentLog } from '../../../shared/base/log.ts';
import { newMasterKey, parseMasterKey, Sealer } from '../../../shared/crypto/seal.ts';

export interface TestClock extends Clock {
  advance(ms: number): void;
}

/** Starts at the real time, because TLS compares with that. */
export function testClock(): TestClock {
  let offset = 0;
  const start = Date.now();
  return {
    now: () => start + offset,
    advance(ms) {
      offset += ms;
    },
  };
}

export interface TestController {
  readonly store: Store;
  readonly sealer: Sealer;
  readonly clock: TestClock;
  readonly authority: Authority;
  readonly first: Initialised;
  readonly policy: PolicyInForce;
  readonly decider: Decider;
}

export async function openTestController(t: Test): Promise<TestController> {
  const store = await openStore(':memory:');
  t.teardown(() => store.stop());
  const sealer = new Sealer({ current: parseMasterKey(newMasterKey()) });
  const clock = testClock();
  const first = await initStore(
    { store, sealer, clock },
    {
      organisation: 'Test Works',
      trustDomain: 'test.example',
      owner: { id: 'olga', name: 'Olga Owner' },
      bootstrapAddress: '127.0.0.1:8442',
    },
  );
  const authority = await openAuthority({ store, sealer, clock, log: silentLog, names: ['localhost', '127.0.0.1'] });
  const policy = new PolicyInForce();
  const decider = { policy: policy.current, timezone: 'UTC' };
  return { store, sealer, clock, authority, first, policy, decider };
}
