/**
 * What a person can change: their factors and what their device reports. The words in `fix` name nothing else (P12): no
 * group, no threshold, no policy.
 */
import { hour } from '#shared/base/clock.ts';
import {
  checkName,
  type FactKey,
  factKeys,
  type OsName,
  osNames,
  type PostureCheck,
  postureFacts,
} from '#shared/contracts/posture.ts';
import { type Change, passedNow, withDevice, withSession } from './change.ts';
import { literalsFor } from './comparisons.ts';
import { type FactState, factState, tellAge } from './fact-state.ts';
import type { PostureFact, Question } from './facts.ts';
import { seenValue } from './facts-to-context.ts';
import { type CompiledPolicy, readsPart } from './policy-set.ts';
import { signedInAt, withSecondFactor } from './supposed-session.ts';

/** In the order in which they are preferred. */
export function ownChanges(
  policies: readonly CompiledPolicy[],
  question: Question,
  checks: readonly PostureCheck[],
): Change[] {
  return [...sessionChanges(policies, question), ...postureChanges(policies, question, checks)];
}

function sessionChanges(policies: readonly CompiledPolicy[], question: Question): Change[] {
  const { session } = question.facts;
  const { at } = question;
  const reads = (part: string) => readsPart(policies, part);
  if (session === null || at >= session.endsAt) return [firstSignIn()];
  const found: Change[] = [];
  const factor = reads('session.secondFactor') || reads('session.secondFactorAge');
  if (factor && session.secondFactorAt !== at) found.push(freshSecondFactor(session.secondFactorAt, at));
  if (reads('session.signInAge') || reads('session.methods')) found.push(signInAnew(session.startedAt, at));
  return found;
}

const signedInNow = (question: Question): Question =>
  withSession(question, {
    ...signedInAt(question.at),
    endsAt: Math.max(question.facts.session?.endsAt ?? 0, question.at + hour),
  });

function firstSignIn(): Change {
  return {
    kind: 'sign-in',
    by: 'self',
    slot: 'session',
    text: 'sign in: nobody is signed in on the device',
    fix: { kind: 'sign-in', text: 'Sign in.' },
    suppose: signedInNow,
  };
}

function signInAnew(startedAt: number, at: number): Change {
  const ago = tellAge(at - startedAt);
  return {
    kind: 'sign-in',
    by: 'self',
    slot: 'session',
    text: `sign in anew: the session is ${ago} old`,
    fix: { kind: 'sign-in', text: `Sign in again: the last time was ${ago} ago.` },
    suppose: signedInNow,
  };
}

function freshSecondFactor(last: number | null, at: number): Change {
  const ago = last === null ? undefined : tellAge(at - last);
  const text =
    ago === undefined
      ? 'Confirm your second factor.'
      : `Confirm your second factor again: the last time was ${ago} ago.`;
  return {
    kind: 'second-factor',
    by: 'self',
    slot: 'session',
    text: `confirm the second factor: ${ago === undefined ? 'it never was in this session' : `the last time was ${ago} ago`}`,
    fix: { kind: 'second-factor', text },
    suppose: (question) => {
      const { session } = question.facts;
      if (session === null) return question;
      return withSession(question, withSecondFactor(session, question.at));
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

function postureChanges(
  policies: readonly CompiledPolicy[],
  question: Question,
  checks: readonly PostureCheck[],
): Change[] {
  const { at, facts } = question;
  const found: Change[] = [];
  for (const key of factKeys) {
    if (!isFixable(key) || !readsPart(policies, `device.${key}`)) continue;
    const seen = seenValue(key, facts.device.posture[key], at);
    if (seen !== bestValues[key]) found.push(betterFact(key, question));
  }
  if (!readsPart(policies, 'device.checks')) return found;
  const named = new Set([
    ...literalsFor(policies, 'device.checks').map(String),
    // Named in another way, as in an expression that is no comparison.
    ...policies.flatMap(({ strings }) => strings).filter((text) => checks.some(({ id }) => id === text)),
  ]);
  const known = new Map(checks.map((check) => [check.id, check]));
  for (const id of named)
    if (factState(facts.device.checks[id], at) !== 'passed') found.push(betterCheck(id, known.get(id), question));
  return found;
}

function betterFact(key: keyof typeof bestValues, { facts, at }: Question): Change {
  const known = facts.device.posture[key];
  const { meaning, fix } = postureFacts[key];
  const system = seenValue('os', facts.device.posture['os'], at) as OsName;
  const help = osNames.includes(system) ? fix[system] : '';
  const best = bestValues[key];
  return {
    kind: 'posture',
    by: 'self',
    slot: `device.${key}`,
    text: `device.${key} ${typeof best === 'boolean' ? best : 'better'}: ${tellState(known, at)}`,
    fix: { kind: 'posture', fact: key, text: sentences(`${ownState(known, at)}: "${meaning}"`, help) },
    suppose: (question) =>
      withDevice(question, {
        posture: { ...question.facts.device.posture, [key]: passedNow(best, question.at) },
      }),
  };
}

/** `check`: undefined when the organisation has given it up. */
function betterCheck(id: string, check: PostureCheck | undefined, { facts, at }: Question): Change {
  const known = facts.device.checks[id];
  const state = factState(known, at);
  const own = state === 'failed' ? 'This device does not pass the check' : `${ownState(known, at)}: the check`;
  return {
    kind: 'posture',
    by: check === undefined ? 'admin' : 'self',
    slot: checkName(id),
    text: `${checkName(id)} passed: ${tellState(known, at)}${check === undefined ? '; it is no check of the organisation now' : ''}`,
    ...(check === undefined
      ? {}
      : {
          fix: { kind: 'posture', fact: checkName(id), text: sentences(`${own} "${check.title}".`, check.fix ?? '') },
        }),
    suppose: (question) =>
      withDevice(question, { checks: { ...question.facts.device.checks, [id]: passedNow(true, question.at) } }),
  };
}

const maxText = 500;
const sentences = (...texts: string[]): string =>
  texts
    .filter((text) => text !== '')
    .join(' ')
    .slice(0, maxText);

const ownStates = {
  passed: 'This device does not meet',
  failed: 'This device does not meet',
  unknown: 'This device could not find out',
  stale: '',
  'never-reported': 'This device has not reported yet',
} as const satisfies Record<FactState, string>;

function ownState(fact: PostureFact | undefined, at: number): string {
  const state = factState(fact, at);
  if (state !== 'stale') return ownStates[state];
  return `The report of this device is too old (${tellAge(Math.max(0, at - fact!.measuredAt))})`;
}

const states = {
  passed: 'it is not good enough',
  failed: 'it failed',
  unknown: 'the device could not find out',
  stale: '',
  'never-reported': 'it was never reported',
} as const satisfies Record<FactState, string>;

function tellState(fact: PostureFact | undefined, at: number): string {
  const state = factState(fact, at);
  if (state !== 'stale') return states[state];
  return `it is stale since ${tellAge(Math.max(0, at - fact!.goodUntil))}`;
}
