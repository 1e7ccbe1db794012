/**
 * The part of publishing that stands in a transaction: judged before, checked against what exists now, numbered, stored, in force,
 * recorded. The caller takes the returned set in force after its commit (`takeInForce`), and only then.
 */
import { PosternError } from '#shared/base/errors.ts';
import type { Decider } from '../grants/decider.ts';
import { appendRecord } from '../log/append-record.ts';
import { assembleSet } from '../policy/compile-policies.ts';
import { diffPolicies } from '../policy/diff-policies.ts';
import { failedTests, type Judged } from '../policy/judge-draft.ts';
import type { Known } from '../policy/known.ts';
import type { PolicyProblem, PolicySet } from '../policy/policy-set.ts';
import { unknownName } from '../policy/read-policies.ts';
import { nextChange } from '../store/changes.ts';
import type { Trx } from '../store/open-store.ts';
import { refuseTooLarge, tellTooLarge } from './check-sizes.ts';
import { loadKnown } from './load-known.ts';
import { findLockOut, findLostApps } from './lock-out.ts';
import { writeVersion } from './version-files.ts';

export interface StoreOrder {
  readonly judged: Judged;
  readonly message: string;
  /** Who published: the record's actor and the version's `by`. */
  readonly actor: string;
  readonly because?: string | undefined;
  readonly trace?: string | undefined;
  /** The version that the author started from; another one in force is a `conflict`. */
  readonly expectedEpoch?: number | undefined;
  /** Set by a rollback. */
  readonly rollbackTo?: number | undefined;
  /** Who wrote it, when another administrator approves it. */
  readonly author?: string | undefined;
  /** Tests that fail are warnings: a rollback must not wait for a test that the world has overtaken. */
  readonly testsMayFail?: boolean | undefined;
  /** The owner at the shell knows what it does (P6). */
  readonly evenIfItLocksOut?: boolean | undefined;
  /** What must happen with it, in the same transaction. */
  readonly also?: ((trx: Trx, epoch: number) => Promise<unknown>) | undefined;
}

export interface StoreParts {
  /** Its set is the one in force. */
  readonly decider: Decider;
}

export interface StoredVersion {
  readonly set: PolicySet;
  readonly change: number;
  readonly warnings: readonly PolicyProblem[];
}

/**
 * Throws `conflict`, `policy-invalid` with `problems`, `policy-tests-failed` with `tests`, `policy-too-large`, or `policy-locks-out` with `lines` in the
 * problem document; the version in force stays.
 */
export async function storeVersion(
  trx: Trx,
  at: number,
  { decider }: StoreParts,
  order: StoreOrder,
): Promise<StoredVersion> {
  const versions = await trx.selectFrom('policy_versions').select(['epoch', 'in_force']).execute();
  const inForce = versions.find(({ in_force }) => in_force === 1)?.epoch ?? 0;
  requireEpoch(inForce, order.expectedEpoch);
  const epoch = Math.max(0, ...versions.map((version) => version.epoch)) + 1;
  const { judged } = order;
  const set = usableSet(judged, epoch, await loadKnown(trx));
  const failed = failedTests(judged);
  if (!order.testsMayFail) refuseFailedTests(judged);
  const guarded = { before: decider.policy(), after: set, at, timezone: decider.timezone };
  const lockOut = await findLockOut(trx, guarded);
  if (lockOut.everyone && !order.evenIfItLocksOut) throw locksOut(lockOut.lines);
  const sized = { set, at, timezone: decider.timezone };
  // Whoever must have a former version back in force is told, and has it.
  const tooLarge = order.testsMayFail ? await tellTooLarge(trx, sized) : [];
  if (!order.testsMayFail) await refuseTooLarge(trx, sized);
  const lost = await findLostApps(trx, guarded);

  await trx.updateTable('policy_versions').set({ in_force: 0 }).where('in_force', '=', 1).execute();
  const { actor, message, because, trace, rollbackTo, author } = order;
  const names = JSON.stringify(set.policies.map(({ name }) => name));
  const row = { epoch, by: author ?? actor, message, at, in_force: 1, policies: set.policies.length, names };
  await trx
    .insertInto('policy_versions')
    .values({ ...row, ...writeVersion(judged.draft) })
    .execute();
  await order.also?.(trx, epoch);
  const change = await nextChange(trx, at);
  await appendRecord(trx, at, {
    kind: 'policy',
    actor,
    epoch,
    ...(because === undefined ? {} : { because }),
    ...(trace === undefined ? {} : { trace }),
    event: rollbackTo === undefined ? 'published' : 'rolled-back',
    details: {
      ...(rollbackTo === undefined ? {} : { to: rollbackTo }),
      ...(author === undefined ? {} : { author }),
      message,
      policies: set.policies.length,
      ...changesOf(decider.policy(), set),
      tests: judged.tests.length,
      ...(failed.length === 0 ? {} : { failedTests: failed.length }),
      ...(lockOut.everyone ? { lockedOut: lockOut.lines } : {}),
    },
  });
  const warn = (text: string): PolicyProblem => ({ severity: 'warning', file: '', message: text });
  return {
    set,
    change,
    warnings: [
      ...lockOut.lines.map(warn),
      ...tooLarge.map(warn),
      ...lost.map((app) => warn(`Nobody of those last seen could use ${app} any more.`)),
      ...failed.map(({ file, place, name, got }) => ({
        ...{ severity: 'warning' as const, file, ...place },
        message: `Test "${name}" fails: ${got}.`,
      })),
      ...set.warnings,
    ],
  };
}

export function requireEpoch(inForce: number, expected: number | undefined): void {
  if (expected === undefined || expected === inForce) return;
  throw new PosternError('conflict', `version ${inForce} is in force, not ${expected}`, {
    tell: `Version ${inForce} is in force by now, not ${expected}: look at what changed (policy diff ${expected} ${inForce}), take it over, and publish again.`,
    extra: { inForce },
  });
}

/** Judged before this transaction began, so that names in it may be gone since. Throws `policy-invalid`. */
export function usableSet(judged: Judged, epoch: number, known: Known): PolicySet {
  const { set, problems } = assembleSet(judged, epoch);
  const gone = (set?.policies ?? []).flatMap(({ entities, name, file, line }) =>
    entities.flatMap((entity): PolicyProblem[] => {
      const message = unknownName(entity, known);
      return message === undefined ? [] : [{ severity: 'error', file, line, policy: name, message }];
    }),
  );
  if (set !== undefined && gone.length === 0) return set;
  throw invalid(gone.length > 0 ? gone : problems);
}

export function invalid(problems: readonly PolicyProblem[]): PosternError {
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  return new PosternError('policy-invalid', `${errors} errors in the policies`, {
    tell: `${errors} ${errors === 1 ? 'error' : 'errors'}; nothing was changed.`,
    extra: { problems: problems.slice(0, 100) },
  });
}

export function refuseFailedTests(judged: Judged): void {
  const failed = failedTests(judged);
  if (failed.length === 0) return;
  throw new PosternError('policy-tests-failed', `${failed.length} tests of the policy fail`, {
    tell: `${failed.length} of ${judged.tests.length} tests fail; nothing was changed.`,
    extra: { tests: failed.slice(0, 50) },
  });
}

function locksOut(lines: readonly string[]): PosternError {
  return new PosternError('policy-locks-out', `a version would lock out every owner and administrator: ${lines[0]}`, {
    tell:
      'No owner and no administrator could use anything under this version; nothing was changed. ' +
      'The owner at the shell can publish it all the same: --even-if-it-locks-out --shell --reason TEXT.',
    extra: { lines },
  });
}

/** In a record: a version may change thousands. */
const mostNamed = 200;

/** What is another now, by name. Of the version before nothing is known where it could not be read. */
function changesOf(
  before: PolicySet | undefined,
  after: PolicySet,
): { readonly changes?: object; readonly changed?: number } {
  const changes = diffPolicies(before?.policies ?? [], after.policies);
  const named = changes.slice(0, mostNamed).map(({ how, policy }) => ({ how, policy }));
  return { changes: named, changed: changes.length };
}
