/**
 * The part of publishing that stands in a transaction: validated, numbered, stored, in force, recorded. The caller takes
 * the returned set in force after its commit (`takeInForce`), and only then.
 */
import { PosternError } from '#shared/base/errors.ts';
import { appendRecord } from '../log/append-record.ts';
import type { PolicyFile } from '../policy/parse-policies.ts';
import type { PolicyProblem, PolicySet } from '../policy/policy-set.ts';
import { nextChange } from '../store/changes.ts';
import type { Trx } from '../store/open-store.ts';
import { validateFiles } from './validate-files.ts';

export interface PublishOrder {
  readonly files: readonly PolicyFile[];
  readonly message: string;
  /** Who published: the record's actor and the version's `by`. */
  readonly actor: string;
  readonly because?: string | undefined;
  readonly trace?: string | undefined;
  /** The version that the author started from; another one in force is a `conflict`. */
  readonly expectedEpoch?: number | undefined;
  /** Set by a rollback. */
  readonly rollbackTo?: number;
}

export interface StoredVersion {
  readonly set: PolicySet;
  readonly change: number;
  readonly warnings: readonly PolicyProblem[];
}

/** Throws `conflict`, or `policy-invalid` with `problems` in the problem document; the version in force stays. */
export async function storeVersion(trx: Trx, at: number, order: PublishOrder): Promise<StoredVersion> {
  const versions = await trx.selectFrom('policy_versions').select(['epoch', 'in_force']).execute();
  const inForce = versions.find(({ in_force }) => in_force === 1)?.epoch ?? 0;
  if (order.expectedEpoch !== undefined && order.expectedEpoch !== inForce)
    throw new PosternError('conflict', `version ${inForce} is in force, not ${order.expectedEpoch}`, {
      tell: `Version ${inForce} is in force by now: look at it first.`,
    });
  const epoch = Math.max(0, ...versions.map((version) => version.epoch)) + 1;
  const { set, problems } = await validateFiles(trx, order.files, epoch);
  if (set === undefined) {
    const errors = problems.filter(({ severity }) => severity === 'error').length;
    throw new PosternError('policy-invalid', `${errors} errors in the policies`, {
      tell: `${errors} ${errors === 1 ? 'error' : 'errors'}; nothing was changed.`,
      extra: { problems: problems.slice(0, 100) },
    });
  }
  await trx.updateTable('policy_versions').set({ in_force: 0 }).where('in_force', '=', 1).execute();
  const { actor, message, because, trace, rollbackTo } = order;
  await trx
    .insertInto('policy_versions')
    .values({ epoch, files: JSON.stringify(order.files), by: actor, message, at, in_force: 1 })
    .execute();
  const change = await nextChange(trx, at);
  await appendRecord(trx, at, {
    kind: 'policy',
    actor,
    epoch,
    ...(because === undefined ? {} : { because }),
    ...(trace === undefined ? {} : { trace }),
    details: {
      event: rollbackTo === undefined ? 'published' : 'rolled-back',
      ...(rollbackTo === undefined ? {} : { to: rollbackTo }),
      message,
      policies: set.policies.length,
    },
  });
  return { set, change, warnings: set.warnings };
}
