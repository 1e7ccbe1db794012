/** Runs test cases by the one engine that decides. */
import type { PostureCheck } from '#shared/contracts/posture.ts';
import { allowReasons, denyReasons } from '#shared/contracts/reasons.ts';
import type { Verdict } from '../decide.ts';
import { couldAllow } from '../decide-partly.ts';
import { explainVerdict } from '../explain.ts';
import type { Question } from '../facts.ts';
import { findFixes } from '../fixes.ts';
import type { Known } from '../known.ts';
import type { PolicySet } from '../policy-set.ts';
import type { Place } from '../positions.ts';
import { CaseError, makeQuestion } from './make-question.ts';
import type { PlacedCase } from './read-tests.ts';

export interface TestResult {
  readonly name: string;
  readonly file: string;
  readonly place: Place;
  readonly passed: boolean;
  readonly expected: string;
  readonly got: string;
  /** Of a failed test: why the verdict is what it is, one line each. */
  readonly why: readonly string[];
}

export function runTests(set: PolicySet, cases: readonly PlacedCase[], known: Known): TestResult[] {
  const checks = known.checks.size > 0 ? [...known.checks] : checksNamed(set);
  return cases.map((own) => runTest(set, own, known, checks));
}

/** Where nobody has said which checks there are, a sound device passes what the policies ask for. */
function checksNamed(set: PolicySet): string[] {
  const looking = set.policies.filter(({ reads }) => reads.has('device.checks') || reads.has('*'));
  return [...new Set(looking.flatMap(({ strings }) => strings))].slice(0, mostChecks);
}

const mostChecks = 64;

function runTest(set: PolicySet, own: PlacedCase, known: Known, checks: readonly string[]): TestResult {
  const { file, case: wanted } = own;
  const result = (place: Place | undefined, passed: boolean, expected: string, got: string, why: readonly string[]) =>
    ({ name: wanted.name, file, place: place ?? own.place, passed, expected, got, why }) satisfies TestResult;
  try {
    const unknown = wanted.policies?.find((name) => !set.byName.has(name));
    if (unknown !== undefined) throw new CaseError('policies', `There is no policy "${unknown}" in this version.`);
    const question = makeQuestion(wanted, known, checks);
    const verdict = couldAllow(set, question);
    const why = () => explain(set, question, verdict);
    const failed = findDifference(wanted, verdict, why);
    if (failed === undefined) return result(undefined, true, wanted.expect, verdict.verdict, []);
    return result(own.placeOf.get(failed.member), false, failed.expected, failed.got, why());
  } catch (error) {
    if (!(error instanceof CaseError)) throw error;
    return result(own.placeOf.get(error.member), false, wanted.expect, 'nothing: the test cannot be asked', [
      error.message,
    ]);
  }
}

function findDifference(
  { expect, reasons, policies, explains }: PlacedCase['case'],
  verdict: Verdict,
  why: () => string[],
) {
  if (verdict.verdict !== expect) return { member: 'expect', expected: expect, got: verdict.verdict };
  const [wantedReasons, gotReasons] = [listed(reasons ?? []), listed(verdict.reasons)];
  if (reasons !== undefined && wantedReasons !== gotReasons)
    return { member: 'reasons', expected: `${expect} because ${wantedReasons}`, got: gotReasons };
  const [wantedPolicies, gotPolicies] = [listed(policies ?? []), listed(verdict.policies)];
  if (policies !== undefined && wantedPolicies !== gotPolicies)
    return { member: 'policies', expected: `${expect} by ${wantedPolicies}`, got: `by ${gotPolicies}` };
  if (explains !== undefined && !why().join('\n').toLowerCase().includes(explains.toLowerCase()))
    return { member: 'explains', expected: `${expect}, explained by "${explains}"`, got: 'another explanation' };
  return undefined;
}

const listed = (names: readonly string[]): string => names.toSorted().join(', ') || 'none';

const noChecks: readonly PostureCheck[] = [];
const words: Readonly<Record<string, string>> = { ...allowReasons, ...denyReasons };

/** The reasons, how the conditions of the policies concerned stood, and what would help the person. */
function explain(set: PolicySet, question: Question, verdict: Verdict): string[] {
  const lines = verdict.reasons.map((reason) => `${reason}: ${words[reason] ?? ''}`);
  for (const { name, effect, outcome, conditions, file, line } of explainVerdict(set, question, verdict).policies) {
    lines.push(`${effect} "${name}" (${file}.cedar:${line}) ${told[outcome]}`);
    for (const { text, outcome: stood } of conditions)
      if (stood !== 'true' || outcome === 'holds') lines.push(`  ${stood}: ${text}`);
  }
  lines.push(...verdict.errors.map((error) => `error in ${error}`));
  if (verdict.verdict === 'deny')
    lines.push(...findFixes(set, question, noChecks).map(({ text }) => `would help: ${text}`));
  return lines.slice(0, mostLines);
}

const mostLines = 40;
const told = {
  holds: 'holds',
  'does-not-hold': 'does not hold',
  errs: 'could not be evaluated',
  open: 'depends on the request',
} as const;
