/** A recorded verdict beside what its own version decides now from the same facts. */

import type { UndeterminedReason } from '#shared/contracts/admin-analysis.ts';
import type { ExplainedRecord } from '#shared/contracts/admin-explain.ts';
import type { JudgedAgain } from '../analysis/judge-again.ts';
import type { RecordedVerdict } from '../analysis/read-verdict.ts';

const words: Partial<Record<UndeterminedReason | 'request.query' | 'request.path', string>> = {
  'request.query': 'the query of the request, which is never recorded',
  'request.path': 'the end of a long path',
  request: 'the request',
  network: 'the network address',
  app: 'what the policies were told of the app',
  person: 'who asked',
  version: 'the policy version, which is gone or cannot be read any more',
};

export function tellMissing(part: string): string {
  return words[part as UndeterminedReason] ?? `the facts of the decision (${part.slice(0, 100)})`;
}

const maxPolicies = 64;

export function agreementOf(
  { record, kind }: RecordedVerdict,
  { verdict, reasons, policies, missing, partly }: JudgedAgain,
): NonNullable<ExplainedRecord['again']> {
  if (verdict === 'unknown') return { agreement: 'undetermined', missing: [...new Set(missing.map(tellMissing))] };
  const now = { verdict, reasons: [...reasons], policies: [...policies], missing: [] };
  if (verdict !== record.verdict) return { agreement: 'different', ...now };
  // A gateway tells reasons of its own, and of a grant for a whole app the policies are those that could permit.
  if (kind === 'access' || partly) return { agreement: 'same', missing: [] };
  const same = record.reasons[0] === reasons[0] && isSame(record.policies ?? [], policies);
  return same ? { agreement: 'same', missing: [] } : { agreement: 'different', ...now };
}

function isSame(recorded: readonly string[], now: readonly string[]): boolean {
  const [a, b] = [recorded, now].map((names) => [...names].sort().slice(0, maxPolicies).join('\n'));
  return a === b;
}
