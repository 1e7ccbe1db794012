/** Policy versions as administrators see them. */
import type { Static } from 'typebox';
import type { policyVersion } from '#shared/contracts/admin-objects.ts';
import { type PolicyFile, parsePolicyFile } from '../policy/parse-policies.ts';
import type { PolicyProblem } from '../policy/policy-set.ts';
import type { Tables } from '../store/tables.ts';

export function showVersion(row: Tables['policy_versions']): Static<typeof policyVersion> {
  const { epoch, by, message, at } = row;
  return { epoch, by, message, at, inForce: row.in_force === 1, policies: countPolicies(row) };
}

// A version never changes: it is counted once.
const counts = new Map<string, number>();

function countPolicies({ epoch, at, files }: Tables['policy_versions']): number {
  const key = `${epoch} ${at}`;
  let count = counts.get(key);
  if (count === undefined) {
    const parsed = (JSON.parse(files) as PolicyFile[]).map((file) => parsePolicyFile(file).policies.length);
    count = parsed.reduce((sum, n) => sum + n, 0);
    if (counts.size >= 1000) counts.clear();
    counts.set(key, count);
  }
  return count;
}

/** One line each, as a command prints them. */
export function policyWarnings(problems: readonly PolicyProblem[]): string[] {
  return problems.map(({ file, line, policy, message }) => {
    const place = [file, line, policy].filter((part) => part !== undefined && part !== '').join(':');
    return `${place}: ${message}`.slice(0, 2000);
  });
}
