/**
 * The first moment at which an allow could turn, or the rules of a grant get narrower (P10): no grant lives past it. Facts
 * move by themselves in few ways: ages grow past a number that a policy names, facts go stale, minutes pass. Those moments
 * are evaluated, and every second where a policy computes with ages or the time; where the rules have turned between two,
 * the turn is found by halving.
 */
import { minute, second } from '#shared/base/clock.ts';
import type { Question } from './facts.ts';
import { policiesInScope } from './in-scope.ts';
import { isNarrower } from './narrower.ts';
import { type CompiledPolicy, type PolicySet, readsPart } from './policy-set.ts';
import { type Ruling, ruleOn } from './what-rules.ts';

export interface Lapse {
  /** Milliseconds: `rules` hold at every moment from `question.at` until just before this one. */
  readonly at: number;
  /** What is ruled at that moment, when the policies turn it; absent when a limit, the session or the certificate ends first. */
  readonly turnsTo?: Ruling;
}

/** Evaluations in one search: beyond it the lapse is the last moment known to be good. */
const maxMoments = 400;

/**
 * `held`: what holds at `question.at`, or less; all of it unless told. `limit` is the latest wanted end. Sessions and certificates end grants by
 * themselves.
 */
export function findLapse(
  set: PolicySet,
  question: Question,
  limit: number,
  held: Pick<Ruling, 'rules' | 'use'> = ruleOn(set, question),
): Lapse {
  const { rules, use } = held;
  const { session, device } = question.facts;
  const end = Math.min(limit, session?.endsAt ?? question.at, device.certificateEndsAt);
  const policies = policiesInScope(set, question);
  const moving = ['session', 'device', 'time'].some((part) => readsPart(policies, part));
  if (rules === undefined || !moving || end <= question.at) return { at: rules === undefined ? question.at : end };

  const turnAt = (at: number): Ruling | undefined => {
    const ruling = ruleOn(set, { ...question, at });
    const isForOne = use === 'many' && ruling.use === 'once';
    return ruling.rules === undefined || isForOne || isNarrower(rules, ruling.rules) ? ruling : undefined;
  };
  let good = question.at;
  const moments = findMoments(policies, question, end);
  const complete = moments.length <= maxMoments;
  if (!complete) moments.length = maxMoments;
  for (const moment of moments) {
    const turned = turnAt(moment);
    if (turned !== undefined) return halve(turnAt, good, moment, turned);
    good = moment;
  }
  return { at: complete ? end : good };
}

function halve(turnAt: (at: number) => Ruling | undefined, from: number, to: number, turned: Ruling): Lapse {
  let good = from;
  let bad = to;
  let turnsTo = turned;
  while (bad - good > 1) {
    const middle = good + Math.floor((bad - good) / 2);
    const found = turnAt(middle);
    if (found === undefined) good = middle;
    else {
      bad = middle;
      turnsTo = found;
    }
  }
  return { at: bad, turnsTo };
}

/** Moments strictly between now and the end at which something that these policies read can change, in order. */
function findMoments(policies: readonly CompiledPolicy[], question: Question, end: number): number[] {
  const { facts, at } = question;
  const moments = new Set<number>();
  const add = (moment: number) => {
    if (moment > at && moment < end) moments.add(moment);
  };
  const computes = policies.some((policy) => policy.computes);
  const addSeconds = (start: number) => {
    const first = start + Math.ceil((at - start) / second) * second;
    // The moment before the end stands for what no second shows.
    for (let moment = first; moment < end; moment += second) add(moment);
    add(end - 1);
  };
  if (readsPart(policies, 'device'))
    for (const fact of [...Object.values(facts.device.posture), ...Object.values(facts.device.checks)])
      add(fact.goodUntil);
  if (readsPart(policies, 'session')) {
    const starts = [facts.session?.startedAt, facts.session?.secondFactorAt];
    for (const start of starts)
      if (typeof start === 'number') {
        // An age reaches the number, and passes it a second later.
        for (const { longs } of policies)
          for (const long of longs) for (const step of [long, long + 1]) add(start + step * second);
        if (computes) addSeconds(start);
      }
  }
  if (readsPart(policies, 'time')) {
    for (let moment = Math.ceil(at / minute) * minute; moment < end; moment += minute) add(moment);
    for (const policy of policies) for (const moment of policy.moments) for (const step of [0, 1]) add(moment + step);
    if (computes) addSeconds(at);
  }
  return [...moments].sort((a, b) => a - b);
}
