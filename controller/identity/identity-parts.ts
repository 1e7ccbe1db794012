/** What the functions of this folder are given, instead of reaching for it. */
import type { Clock } from '#shared/base/clock.ts';
import type { Sealer } from '#shared/crypto/seal.ts';
import type { Authority } from '../authority/open-authority.ts';
import type { Decider } from '../grants/decider.ts';
import type { Store } from '../store/open-store.ts';

export interface IdentityParts {
  readonly store: Pick<Store, 'db'>;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly authority: Authority;
  /** What a session's grants are decided by again when it changes (P14). */
  readonly decider: Decider;
}

/** Where a call came from, for its record. */
export interface Origin {
  /** Network address as the controller sees it. */
  readonly from: string;
  readonly trace: string;
}
