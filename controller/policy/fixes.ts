/**
 * The smallest change that would turn a deny, in words for the person it was said to: their own factors and facts, place and
 * time, and what a policy says of itself for them (`@tell`); never groups, thresholds or policies (P12).
 */
import type { PostureCheck } from '#shared/contracts/posture.ts';
import type { Fix } from '#shared/contracts/sign-in.ts';
import { type Change, supposeAll } from './change.ts';
import { couldAllow } from './decide-partly.ts';
import type { Question } from './facts.ts';
import { policiesInScope } from './in-scope.ts';
import { nextOpening } from './next-opening.ts';
import { otherNetworks } from './other-networks.ts';
import { otherRequestText } from './other-requests.ts';
import { ownChanges } from './own-changes.ts';
import type { CompiledPolicy, PolicySet } from './policy-set.ts';
import { findSmallest } from './smallest-changes.ts';
import { tellsOf } from './tells.ts';

export const askAdmin: Fix = { kind: 'ask-admin', text: 'Ask your administrator.' };
const signInFirst: Fix = { kind: 'sign-in', text: 'Sign in.' };

export type FixCode = 'step-up-required' | 'device-unfit' | 'session-required' | 'sign-in-again' | 'not-allowed';

/** A denial must stay cheap: it is what somebody who guesses gets most often (P11, P12). */
const evaluations = 64;

/**
 * Fixes that work together, none of which can be left out; `ask-admin` alone when the person cannot help themselves. What
 * policies tell comes before them. `checks`: the organisation's checks, whose titles the fixes use.
 */
export function findFixes(
  set: PolicySet | undefined,
  question: Question,
  checks: readonly PostureCheck[],
): readonly Fix[] {
  if (question.facts.session === null || question.at >= question.facts.session.endsAt) return [signInFirst];
  if (set === undefined) return [askAdmin];
  const policies = policiesInScope(set, question);
  const changes = smallestOwn(set, policies, question, checks);
  const fixes = changes?.flatMap(({ fix }) => fix ?? []) ?? otherRequest(set, question) ?? [askAdmin];
  return [...tellsOf(set, policies, question), ...fixes];
}

/** What the person can do themselves; undefined when nothing of it helps. */
export function smallestOwn(
  set: PolicySet,
  policies: readonly CompiledPolicy[],
  question: Question,
  checks: readonly PostureCheck[],
): readonly Change[] | undefined {
  const opens = (supposed: Question) => couldAllow(set, supposed).verdict === 'allow';
  const allows = (changes: readonly Change[]) => opens(supposeAll(question, changes));
  const own = ownChanges(policies, question, checks).filter(({ by }) => by === 'self');
  const networks = otherNetworks(policies, question);
  // Most denials cannot be helped: one evaluation tells.
  const best = [...new Map(own.map((change) => [change.slot, change])).values()];
  const enough = [best, ...networks.map((network) => [...best, network])].find((all) => all.length > 0 && allows(all));
  const limits = { evaluations, most: 1 };
  if (enough !== undefined) return findSmallest([...own, ...networks], allows, limits, enough).sets[0];
  const opening = nextOpening(policies, supposeAll(question, best), opens);
  if (opening === undefined) return undefined;
  return findSmallest([...own, opening], allows, limits, [...best, opening]).sets[0];
}

function otherRequest(set: PolicySet, question: Question): readonly Fix[] | undefined {
  if (question.request === undefined) return undefined;
  const { verdict } = couldAllow(set, { ...question, request: undefined });
  return verdict === 'allow' ? [{ kind: 'request', text: otherRequestText }] : undefined;
}

const actNow: ReadonlySet<Fix['kind']> = new Set(['sign-in', 'second-factor', 'posture']);

/** What the error document says, so that the agent knows what to offer. Waiting for a person who cannot help it is of no use. */
export function codeOf(fixes: readonly Fix[]): FixCode {
  const kinds = new Set(fixes.map(({ kind }) => kind));
  kinds.delete('told');
  if (kinds.size === 0 || [...kinds].some((kind) => !actNow.has(kind))) return 'not-allowed';
  if (kinds.has('sign-in')) return fixes.includes(signInFirst) ? 'session-required' : 'sign-in-again';
  return kinds.has('posture') ? 'device-unfit' : 'step-up-required';
}
