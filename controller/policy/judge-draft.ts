/** Everything that can be said of a draft without the store: read, validated, looked through, and its tests run. Plain data in and out. */
import { assembleSet } from './compile-policies.ts';
import type { Known } from './known.ts';
import type { PolicyFile } from './parse-policies.ts';
import { type ReadPolicies, readPolicies, sortProblems } from './read-policies.ts';
import { readTests } from './tests/read-tests.ts';
import { runTests, type TestResult } from './tests/run-tests.ts';

/** What a version is made of. */
export interface PolicyDraft {
  readonly files: readonly PolicyFile[];
  /** `*.tests.yaml`; `id` is the name without that ending. */
  readonly tests: readonly PolicyFile[];
}

export interface Judged extends ReadPolicies {
  readonly draft: PolicyDraft;
  /** Empty when the policies or the tests themselves cannot be used. */
  readonly tests: readonly TestResult[];
}

/** `known` absent: names are not looked up, and no tests are run. */
export function judgeDraft(draft: PolicyDraft, known?: Known): Judged {
  const read = readPolicies(draft.files, known);
  const tests = readTests(draft.tests);
  const { set, problems } = assembleSet({ ...read, problems: [...read.problems, ...tests.problems] }, 0);
  const results = set === undefined || known === undefined ? [] : runTests(set, tests.cases, known);
  return { draft, policies: read.policies, problems: sortProblems(problems), tests: results };
}

export const failedTests = ({ tests }: Pick<Judged, 'tests'>): TestResult[] => tests.filter(({ passed }) => !passed);
