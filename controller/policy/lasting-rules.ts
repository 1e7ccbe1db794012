/** The rules of a grant that would still hold when it arrives: for a second at least (P10). */
import { second } from '#shared/base/clock.ts';
import type { GrantRules, GrantUse } from '#shared/contracts/grant.ts';
import type { Verdict } from './decide.ts';
import type { Question } from './facts.ts';
import { findLapse } from './lapse.ts';
import { narrowBoth } from './narrower.ts';
import type { PolicySet } from './policy-set.ts';
import { type Ruling, ruleOn } from './what-rules.ts';

export interface Lasting {
  readonly verdict: Verdict;
  readonly rules: GrantRules;
  readonly use: GrantUse;
  /** Unix seconds: until when at most they hold. */
  readonly exp: number;
}

/** No rules hold for a second. */
export interface Turning {
  /** When it turns, in milliseconds, and to what; undefined when session, certificate or limit end first. */
  readonly at: number;
  readonly turnsTo: Ruling | undefined;
}

/** How often rules may get narrower within the one second. */
const maxTurns = 3;

/** `limit`: the latest wanted end, in milliseconds. */
export function findLasting(set: PolicySet, question: Question, limit: number): Lasting | Turning {
  const now = ruleOn(set, question);
  const { verdict } = now;
  let { rules, use } = now;
  let from = question.at;
  let turnsTo: Ruling | undefined = now;
  for (let turn = 0; turn <= maxTurns && rules !== undefined; turn += 1) {
    const lapse = findLapse(set, { ...question, at: from }, limit, { rules, use });
    const exp = Math.floor(lapse.at / second);
    if (exp * second - question.at >= second)
      return { verdict: { ...verdict, policies: namesOf(set, rules) }, rules, use, exp };
    from = lapse.at;
    turnsTo = lapse.turnsTo;
    // What holds both before and after the turn can be granted over it.
    rules = turnsTo?.rules && narrowBoth(rules, turnsTo.rules);
    if (turnsTo?.use === 'once') use = 'once';
  }
  return { at: from, turnsTo };
}

function namesOf({ policies }: PolicySet, { permits }: GrantRules): string[] {
  return permits.map(({ p }) => policies[p]!.name).toSorted();
}
