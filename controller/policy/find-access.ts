/**
 * Whether somebody can use an app at all, with their own facts as good as they can make them, and on what conditions: each
 * is something without which it would be denied. For reviews, never for a grant.
 */
import type { PostureCheck } from '#shared/contracts/posture.ts';
import { type Change, type ChangeKind, supposeAll, withDevice, withSession } from './change.ts';
import { comparisonsOf } from './comparisons.ts';
import type { Question } from './facts.ts';
import { policiesInScope } from './in-scope.ts';
import { judgePartly, type MissingPart, type PartVerdict } from './judge-partly.ts';
import { nextOpening } from './next-opening.ts';
import { otherNetworks } from './other-networks.ts';
import { ownChanges } from './own-changes.ts';
import { type CompiledPolicy, type PolicySet, readsPart } from './policy-set.ts';
import { withSecondFactor } from './supposed-session.ts';
import { showWanted } from './wanted.ts';

export interface Condition {
  readonly kind: ChangeKind;
  /** What policies want, in their own words: `session.secondFactorAge <= 900 s`. */
  readonly text: string;
}

export interface Access {
  /** What permits it, or where that depends on the request (a condition of this kind says so) what permits some requests. */
  readonly policies: readonly string[];
  readonly conditions: readonly Condition[];
}

const maxText = 1000;

/** Undefined when nothing that is theirs would help. `missing`: what of the request is not known. */
export function findAccess(
  set: PolicySet,
  question: Question,
  missing: ReadonlySet<MissingPart>,
  checks: readonly PostureCheck[],
): Access | undefined {
  const judge = (supposed: Question) => judgePartly(set, supposed, missing);
  const opens = (supposed: Question) => judge(supposed).verdict !== 'deny';
  const policies = question.facts.person.groups === null ? [] : policiesInScope(set, question);
  const best = findOpen(policies, bestOf(policies, question, checks), opens);
  if (best === undefined) return undefined;
  const verdict = judge(best);
  return {
    policies: verdict.maybe ?? verdict.policies,
    conditions: findConditions({ policies, best, opens, verdict }),
  };
}

/** Signed in just now with every factor, on a device that is as good as it can be. */
function bestOf(policies: readonly CompiledPolicy[], question: Question, checks: readonly PostureCheck[]): Question {
  // Without a session a sign-in is all that there is to change; what a device can change comes after it.
  const first = supposeAll(question, ownChanges(policies, withoutSession(question), checks).slice(0, 1));
  return supposeAll(first, onePerSlot(ownChanges(policies, first, checks)));
}

const withoutSession = (question: Question): Question => ({ ...question, facts: { ...question.facts, session: null } });

const onePerSlot = (changes: readonly Change[]): Change[] => [
  ...new Map(changes.map((change) => [change.slot, change])).values(),
];

/** From here and now, else from elsewhere, else at another time, else both. */
function findOpen(
  policies: readonly CompiledPolicy[],
  best: Question,
  opens: (question: Question) => boolean,
): Question | undefined {
  const places = [best, ...otherNetworks(policies, best).map(({ suppose }) => suppose(best))];
  for (const place of places) if (opens(place)) return place;
  for (const place of places) {
    const later = nextOpening(policies, place, opens);
    if (later !== undefined) return later.suppose(place);
  }
  return undefined;
}

interface Open {
  readonly policies: readonly CompiledPolicy[];
  readonly best: Question;
  readonly opens: (question: Question) => boolean;
  readonly verdict: PartVerdict;
}

function findConditions({ policies, best, opens, verdict }: Open): Condition[] {
  const found: Condition[] = [];
  const closes = (supposed: Question) => !opens(supposed);
  const add = (kind: ChangeKind, paths: readonly string[]) => {
    const wanted = wantedOf(policies, paths);
    // Of one request or another, and never all of it at once.
    const text =
      kind === 'request' ? `depends on the request: ${wanted.replaceAll(', request.', ' or request.')}` : wanted;
    found.push({ kind, text: text.slice(0, maxText) });
  };
  const { session, device } = best.facts;
  const reads = (path: string) => readsPart(policies, path);
  if (session !== null) {
    const factor = ['session.secondFactorAge', 'session.secondFactor', 'session.methods'];
    if (factor.some(reads) && closes(withSession(best, withSecondFactor(session, null)))) add('second-factor', factor);
    if (reads('session.signInAge') && closes(withSession(best, { ...session, startedAt: 0 })))
      add('sign-in', ['session.signInAge']);
  }
  for (const key of Object.keys(device.posture)) {
    const { [key]: _, ...posture } = device.posture;
    if (reads(`device.${key}`) && closes(withDevice(best, { posture }))) add('posture', [`device.${key}`]);
  }
  if (reads('device.checks') && closes(withDevice(best, { checks: {} }))) add('posture', ['device.checks']);
  if (otherNetworks(policies, best).some(({ suppose }) => closes(suppose(best)))) add('network', ['network.address']);
  if (nextOpening(policies, best, closes) !== undefined) add('time', ['time.minuteOfDay', 'time.weekday', 'time.now']);
  if (verdict.verdict === 'unknown')
    add(
      'request',
      ['method', 'host', 'path', 'query', 'operation'].map((name) => `request.${name}`),
    );
  return found;
}

/** Each comparison that policies make with one of the paths, once, in their order. */
function wantedOf(policies: readonly CompiledPolicy[], paths: readonly string[]): string {
  const texts = policies.flatMap((policy) =>
    comparisonsOf(policy)
      .filter(({ path }) => paths.includes(path))
      .map((comparison) => `${comparison.path} ${showWanted(comparison)}`),
  );
  return texts.length === 0 ? (paths[0] ?? '') : [...new Set(texts)].join(', ');
}
