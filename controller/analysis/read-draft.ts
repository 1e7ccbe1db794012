/** The policies that an analysis is about: files, or a version that was published. */
import { PosternError } from '#shared/base/errors.ts';
import type { Draft } from '#shared/contracts/admin-analysis.ts';
import { compilePolicies } from '../policy/compile-policies.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import { loadKnown } from '../publishing/load-known.ts';
import type { Db } from '../store/open-store.ts';
import { PolicyVersions } from './policy-versions.ts';

/** Throws `policy-invalid` with `problems` for files that could not be published, `not-found` for a version that is not there. */
export async function readDraft(db: Db, { files, epoch }: Draft): Promise<PolicySet> {
  if ((files === undefined) === (epoch === undefined))
    throw new PosternError('bad-request', undefined, { tell: 'A draft is files, or the number of a version.' });
  if (files !== undefined) {
    const { set, problems } = compilePolicies(files, 0, await loadKnown(db));
    if (set !== undefined) return set;
    const errors = problems.filter(({ severity }) => severity === 'error').length;
    throw new PosternError('policy-invalid', `${errors} errors in a draft`, {
      tell: `${errors} ${errors === 1 ? 'error' : 'errors'} in the draft.`,
      extra: { problems: problems.slice(0, 100) },
    });
  }
  const version = await new PolicyVersions(db).load(epoch!);
  if (version !== 'gone' && version.set !== undefined) return version.set;
  const tell = `There is no policy version ${epoch} that can be used.`;
  throw new PosternError('not-found', tell, { tell });
}
