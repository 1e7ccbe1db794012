/**
 * How long an answer stays what it is while only time passes: between two moments at which anything that these policies
 * look at can change by itself, the same facts give the same verdict. So a question that was asked a thousand times in
 * between is judged once.
 */
import { minute, second } from '#shared/base/clock.ts';
import type { Facts, Question } from './facts.ts';
import { type CompiledPolicy, readsPart } from './policy-set.ts';

/** Milliseconds: from `from` on and until just before `until`. */
export interface SteadySpan {
  readonly from: number;
  readonly until: number;
}

/** `policies`: those in scope. Around `at`; that moment alone for policies that compute with ages or the time. */
export function steadySpan(
  policies: readonly CompiledPolicy[],
  { facts, at }: Pick<Question, 'facts' | 'at'>,
): SteadySpan {
  let from = Number.NEGATIVE_INFINITY;
  let until = Number.POSITIVE_INFINITY;
  const turn = (moment: number | null | undefined) => {
    if (moment == null) return;
    if (moment > at) until = Math.min(until, moment);
    else from = Math.max(from, moment);
  };
  const { session, device } = facts;
  // Standing, and the end of the certificate, whatever the policies say.
  turn(session?.endsAt);
  turn(device.certificateEndsAt);
  if (!['session', 'device', 'time'].some((part) => readsPart(policies, part))) return { from, until };
  if (policies.some(({ computes }) => computes)) return { from: at, until: at + 1 };
  if (readsPart(policies, 'device')) turnWithPosture(facts, turn);
  if (readsPart(policies, 'session'))
    for (const start of [session?.startedAt, session?.secondFactorAt]) {
      if (typeof start !== 'number') continue;
      turn(start);
      // An age reaches the number, and passes it a second later.
      for (const { longs } of policies)
        for (const long of longs) for (const step of [long, long + 1]) turn(start + step * second);
    }
  if (readsPart(policies, 'time')) {
    const thisMinute = Math.floor(at / minute) * minute;
    turn(thisMinute);
    turn(thisMinute + minute);
    for (const { moments } of policies) for (const moment of moments) for (const step of [0, 1]) turn(moment + step);
  }
  return { from, until };
}

function turnWithPosture({ device }: Facts, turn: (moment: number) => void): void {
  for (const facts of [device.posture, device.checks])
    for (const { measuredAt, goodUntil } of Object.values(facts)) {
      turn(measuredAt);
      turn(goodUntil);
    }
}
