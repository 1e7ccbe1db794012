/** Policy versions as administrators see them. */
import type { Static } from 'typebox';
import type { PolicyDraftShown } from '#shared/contracts/admin-drafts.ts';
import type { CutReport, policyTestResult, policyVersion } from '#shared/contracts/admin-objects.ts';
import type { PolicyKnown } from '#shared/contracts/policy-known.ts';
import type { PolicyDraft } from '../policy/judge-draft.ts';
import type { Known } from '../policy/known.ts';
import type { PolicyProblem } from '../policy/policy-set.ts';
import type { TestResult } from '../policy/tests/run-tests.ts';
import type { DraftRow } from '../publishing/drafts.ts';
import type { Published } from '../publishing/publish.ts';
import type { Tables } from '../store/tables.ts';

export function showVersion(
  row: Omit<Tables['policy_versions'], 'files' | 'tests' | 'names'>,
): Static<typeof policyVersion> {
  const { epoch, by, message, at, policies } = row;
  return { epoch, by, message, at, inForce: row.in_force === 1, ...(policies === null ? {} : { policies }) };
}

export const showFiles = ({ files, tests }: PolicyDraft) => ({ files: [...files], tests: [...tests] });

export const showTests = (tests: readonly TestResult[]): Static<typeof policyTestResult>[] =>
  tests.map(({ why, ...result }) => ({ ...result, why: why.map((line) => line.slice(0, 4000)) }));

export const showPublished = ({ epoch, warnings }: Published, cut: CutReport) => ({
  epoch,
  cut,
  warnings: policyWarnings(warnings),
});

export function showDraft(row: DraftRow): PolicyDraftShown {
  const {
    id,
    by,
    message,
    because,
    base_epoch: base,
    policies,
    at,
    ends_at: endsAt,
    decided_by,
    decided_at,
    epoch,
  } = row;
  return {
    ...{ id, by, message, base, policies, at, endsAt, state: row.state as PolicyDraftShown['state'] },
    ...(because === null ? {} : { because }),
    ...(decided_by === null ? {} : { decidedBy: decided_by }),
    ...(decided_at === null ? {} : { decidedAt: decided_at }),
    ...(epoch === null ? {} : { epoch }),
  };
}

export function showKnown({ groups, apps, appGroups, checks, timezone }: Known): PolicyKnown {
  return {
    groups: [...groups].map(([id, parents]) => ({ id, parents: [...parents] })),
    apps: [...apps.values()],
    appGroups: [...appGroups],
    checks: [...checks],
    timezone,
  };
}

/** One line each, as a command prints them. */
export function policyWarnings(problems: readonly PolicyProblem[]): string[] {
  return problems.map(({ file, line, policy, message }) => {
    const place = [file, line, policy].filter((part) => part !== undefined && part !== '').join(':');
    return `${place}: ${message}`.slice(0, 2000);
  });
}
