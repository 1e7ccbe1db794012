/**
 * The smallest change that would turn a deny, found by deciding again with facts improved. The words name
 * only the person's own factors and facts, never groups, thresholds or policies (P12).
 */
import { hour, minute } from '#shared/base/clock.ts';
import {
  checkName,
  type FactKey,
  factKeys,
  type OsName,
  osNames,
  type PostureCheck,
  postureFacts,
} from '#shared/contracts/posture.ts';
import type { Fix } from '#shared/contracts/sign-in.ts';
import { couldAllow } from './decide.ts';
import type { Facts, PostureFact, Question } from './facts.ts';
import { isFresh, seenValue } from './facts-to-context.ts';
import { policiesInScope } from './in-scope.ts';
import { type PolicySet, readsPart } from './policy-set.ts';
import { shiftFacts } from './shift-facts.ts';

export const askAdmin: Fix = { kind: 'ask-admin', text: 'Ask your administrator.' };

export type FixCode = 'step-up-required' | 'device-unfit' | 'session-required' | 'not-allowed';

interface Improvement {
  readonly fix: Fix;
  readonly improve: (facts: Facts) => Facts;
}

/**
 * Fixes that work together, none of which can be left out; `ask-admin` alone when the person cannot help themselves.
 * `checks`: the organisation's checks, whose titles the fixes use.
 */
export function findFixes(
  set: PolicySet | undefined,
  question: Question,
  checks: readonly PostureCheck[],
): readonly Fix[] {
  if (question.facts.session === null || question.at >= question.facts.session.endsAt)
    return [{ kind: 'sign-in', text: 'Sign in.' }];
  if (set === undefined) return [askAdmin];
  const works = (improvements: readonly Improvement[]) => {
    let facts = question.facts;
    for (const { improve } of improvements) facts = improve(facts);
    return couldAllow(set, { ...question, facts }).verdict === 'allow';
  };
  const all = listImprovements(set, question, checks);
  // Most denials cannot be helped: one evaluation tells.
  if (all.length === 0 || !works(all)) return findTime(set, question) ?? [askAdmin];
  const single = all.find((improvement) => works([improvement]));
  if (single !== undefined) return [single.fix];
  let needed = all;
  for (const improvement of all) {
    const fewer = needed.filter((other) => other !== improvement);
    if (works(fewer)) needed = fewer;
  }
  return needed.map(({ fix }) => fix);
}

/** What the error document says, so that the agent knows what to offer. */
export function codeOf(fixes: readonly Fix[]): FixCode {
  if (fixes.some(({ kind }) => kind === 'sign-in')) return 'session-required';
  if (fixes.some(({ kind }) => kind === 'posture')) return 'device-unfit';
  return fixes.length === 1 && fixes[0]?.kind === 'second-factor' ? 'step-up-required' : 'not-allowed';
}

function listImprovements(set: PolicySet, question: Question, checks: readonly PostureCheck[]): Improvement[] {
  const { facts, at } = question;
  const policies = policiesInScope(set, question);
  const reads = (part: string) => readsPart(policies, part);
  const found: Improvement[] = [];
  const secondFactor = ['session.secondFactor', 'session.secondFactorAge', 'session.methods'];
  if (secondFactor.some(reads) && facts.session?.secondFactorAt !== at) found.push(freshSecondFactor(facts, at));
  for (const key of factKeys)
    if (isFixable(key) && reads(`device.${key}`)) {
      const best = bestValues[key];
      if (seenValue(key, facts.device.posture[key], at) !== best) found.push(betterFact(facts, key, best, at));
    }
  if (reads('device.checks')) {
    const named = new Set(policies.flatMap(({ strings }) => strings));
    for (const check of checks)
      if (named.has(check.id) && !isPassing(facts.device.checks[check.id], at)) found.push(betterCheck(check, at));
  }
  return found;
}

function freshSecondFactor({ session }: Facts, at: number): Improvement {
  const last = session?.secondFactorAt ?? null;
  const text =
    last === null
      ? 'Confirm your second factor.'
      : `Confirm your second factor again: the last time was ${tellAge(at - last)} ago.`;
  return {
    fix: { kind: 'second-factor', text },
    improve: (facts) =>
      facts.session === null
        ? facts
        : {
            ...facts,
            session: {
              ...facts.session,
              secondFactorAt: at,
              methods: [...new Set([...facts.session.methods, 'otp', 'mfa'])],
            },
          },
  };
}

/** As good as a fact can get. The system's name is what it is. */
const bestValues = {
  diskEncrypted: true,
  firewallOn: true,
  screenLock: true,
  screenLockSeconds: 1,
  secureBoot: true,
  antivirusOn: true,
  osUpdated: true,
  osSupported: true,
  patchAgeDays: 0,
  osMajor: 1_000_000,
} as const satisfies Partial<Record<FactKey, boolean | number>>;

const isFixable = (key: FactKey): key is keyof typeof bestValues => Object.hasOwn(bestValues, key);

const passed = (value: boolean | number, at: number): PostureFact => ({
  value,
  status: 'pass',
  source: 'self',
  measuredAt: at,
  goodUntil: at + minute,
});

function betterFact(facts: Facts, key: keyof typeof bestValues, best: boolean | number, at: number): Improvement {
  const known = facts.device.posture[key];
  const { meaning, fix } = postureFacts[key];
  const system = seenValue('os', facts.device.posture['os'], at) as OsName;
  const help = osNames.includes(system) ? fix[system] : '';
  const notKnown = known === undefined || known.status === 'unknown' || at >= known.goodUntil;
  const state = notKnown ? `Not known of this device now: "${meaning}"` : `This device does not meet: "${meaning}"`;
  return {
    fix: { kind: 'posture', fact: key, text: help === '' ? state : `${state} ${help}` },
    improve: (before) => ({
      ...before,
      device: { ...before.device, posture: { ...before.device.posture, [key]: passed(best, at) } },
    }),
  };
}

function betterCheck(check: PostureCheck, at: number): Improvement {
  const text = `This device does not pass the check "${check.title}".`;
  return {
    fix: {
      kind: 'posture',
      fact: checkName(check.id),
      text: (check.fix ? `${text} ${check.fix}` : text).slice(0, 500),
    },
    improve: (facts) => ({
      ...facts,
      device: { ...facts.device, checks: { ...facts.device.checks, [check.id]: passed(true, at) } },
    }),
  };
}

function isPassing(fact: PostureFact | undefined, at: number): boolean {
  return fact !== undefined && fact.status === 'pass' && isFresh(fact, at);
}

/** Whether another hour of the coming week would do. Facts are held fresh meanwhile: only the time is improved. */
function findTime(set: PolicySet, question: Question): readonly Fix[] | undefined {
  if (!readsPart(policiesInScope(set, question), 'time')) return undefined;
  for (let hours = 1; hours <= 7 * 24; hours += hours < 24 ? 1 : 6) {
    const later = hours * hour;
    const allowed = couldAllow(set, { ...question, facts: shiftFacts(question.facts, later), at: question.at + later });
    if (allowed.verdict === 'allow') return [{ kind: 'time', text: 'It is not open at this time. Try again later.' }];
  }
  return undefined;
}

function tellAge(ms: number): string {
  const minutes = Math.floor(ms / minute);
  if (minutes < 2) return 'a moment';
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`;
}
