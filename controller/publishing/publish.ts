/**
 * Publishes a policy version (P14): stored in one transaction, swapped whole, then every grant of an earlier version is
 * decided again, in steps that let other work through, and those that got worse are taken back.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { Decider } from '../grants/decider.ts';
import { redecideGrants } from '../grants/redecide.ts';
import type { PolicyDraft } from '../policy/judge-draft.ts';
import type { PolicyProblem, PolicySet } from '../policy/policy-set.ts';
import type { Db } from '../store/open-store.ts';
import { loadKnown } from './load-known.ts';
import type { PolicyInForce } from './policy-in-force.ts';
import type { Judge } from './policy-judge.ts';
import { type StoreOrder, storeVersion } from './store-version.ts';
import { readVersion } from './version-files.ts';

export type PublishOrder = Omit<StoreOrder, 'judged'> &
  PolicyDraft & {
    /** The owner at the shell waits for nobody else's draft (P6). */
    readonly first?: boolean | undefined;
  };

export interface InForceParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly policy: PolicyInForce;
  /** Its `policy` is `policy.current`. */
  readonly decider: Decider;
}

export interface PublishParts extends InForceParts {
  readonly judge: Judge;
}

export interface Published {
  readonly epoch: number;
  /** The change that the gateways must have applied for everything to be cut: the last revocation, or the publishing itself. */
  readonly change: number;
  /** The number before the publishing. */
  readonly after: number;
  readonly at: number;
  readonly revoked: readonly string[];
  readonly warnings: readonly PolicyProblem[];
}

/** Throws as `storeVersion` and `Judge` do; then the version in force stays as it was. */
export async function publishPolicy(
  parts: PublishParts,
  { files, tests, first, ...order }: PublishOrder,
): Promise<Published> {
  const judged = await parts.judge({ files, tests }, await loadKnown(parts.db), first);
  const at = parts.clock.now();
  const stored = await parts.db.transaction().execute((trx) => storeVersion(trx, at, parts, { ...order, judged }));
  const { change, revoked } = await takeInForce(parts, stored.set);
  return {
    epoch: stored.set.epoch,
    change: Math.max(change, stored.change),
    after: stored.change - 1,
    at,
    revoked,
    warnings: stored.warnings,
  };
}

/** Puts an earlier version in force again, as a new version: names in it must still exist. Throws `not-found` too. */
export async function rollbackPolicy(
  parts: PublishParts,
  to: number,
  order: Omit<PublishOrder, 'files' | 'tests' | 'rollbackTo'>,
): Promise<Published> {
  const versions = parts.db.selectFrom('policy_versions').select(['files', 'tests']);
  const row = await versions.where('epoch', '=', to).executeTakeFirst();
  if (row === undefined) {
    const tell = `There is no policy version ${to}.`;
    throw new PosternError('not-found', tell, { tell });
  }
  return publishPolicy(parts, { testsMayFail: true, ...order, ...readVersion(row), rollbackTo: to });
}

// The store answers at once, so that a transaction never lets the event loop turn: a step must be short, and between two of
// them sockets and timers must have theirs, or the gateways' heartbeats stop and agents wait.
const stepSize = 50;

/**
 * After the commit of `storeVersion`, and at the start for what a crash left over. Grants issued meanwhile under the
 * former set carry its epoch and are found by it.
 */
export async function takeInForce(
  parts: InForceParts,
  set: PolicySet,
): Promise<{ change: number; revoked: readonly string[] }> {
  parts.policy.swap(set);
  const revoked: string[] = [];
  let change = 0;
  let after = '';
  const amongst = await countOlder(parts, set.epoch);
  for (;;) {
    const which = { epochBelow: set.epoch, after, limit: stepSize, amongst };
    const step = await parts.db
      .transaction()
      .execute((trx) => redecideGrants(parts.decider, trx, parts.clock.now(), which, 'policy-changed'));
    change = Math.max(change, step.n);
    revoked.push(...step.revoked);
    if (step.last === undefined || step.looked < stepSize) return { change, revoked };
    after = step.last;
    await nextTurn();
  }
}

async function countOlder({ db, clock }: InForceParts, epoch: number): Promise<number> {
  const row = await db
    .selectFrom('grants')
    .select((eb) => eb.fn.countAll<number>().as('n'))
    .where('ends_at', '>', clock.now())
    .where('epoch', '<', epoch)
    .executeTakeFirst();
  return Number(row?.n ?? 0);
}
