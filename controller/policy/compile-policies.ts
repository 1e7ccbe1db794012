/**
 * Policy files to a `PolicySet`. Whatever is not wholly right is refused: the caller keeps the set it has (invariant 6).
 * Our own engine (`shared/cedar/`) compiles what it will decide by.
 */

import { asPosternError } from '#shared/base/errors.ts';
import { compilePolicy, type Policy } from '#shared/cedar/compile-policy.ts';
import { ScopeIndex } from '#shared/cedar/scope-index.ts';
import type { Known } from './known.ts';
import type { PolicyFile } from './parse-policies.ts';
import { partialSets } from './partial-sets.ts';
import type { PolicyProblem, PolicySet } from './policy-set.ts';
import { type ReadPolicies, readPolicies, sortProblems } from './read-policies.ts';

export interface Compiled {
  /** Absent when any problem is an error. */
  readonly set?: PolicySet;
  /** Errors first, then by file and place. At most 1,000. */
  readonly problems: readonly PolicyProblem[];
}

/** `known` absent: names are not looked up, as when a stored version is loaded again. */
export function compilePolicies(files: readonly PolicyFile[], epoch: number, known?: Known): Compiled {
  return assembleSet(readPolicies(files, known), epoch);
}

/** What was read before, perhaps in a worker, made ready to decide. */
export function assembleSet({ policies, problems }: ReadPolicies, epoch: number): Compiled {
  if (problems.some(({ severity }) => severity === 'error')) return { problems };
  const refused: PolicyProblem[] = [];
  const rules: Policy[] = [];
  for (const policy of policies) {
    try {
      rules.push(compilePolicy(policy.name, policy.json));
    } catch (error) {
      const { name, file, line } = policy;
      refused.push({ severity: 'error', file, line, policy: name, message: asPosternError(error).message });
    }
  }
  if (refused.length > 0) return { problems: sortProblems([...refused, ...problems]) };
  const byName = new Map(policies.map((policy) => [policy.name, policy]));
  const index = new ScopeIndex(rules);
  const set: PolicySet = {
    epoch,
    policies: Object.freeze(policies),
    byName,
    index,
    partly: partialSets(index, byName),
    hasOnce: policies.some(({ once }) => once),
    warnings: problems,
  };
  return { set: Object.freeze(set), problems };
}
