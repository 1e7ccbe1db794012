/** The same facts at another time: every age and every time left stay as they are. For "what if it were Saturday". */
import type { Facts, PostureFact } from './facts.ts';

/**
 * `by`: milliseconds, negative for an earlier time. `at`: the time supposed. What was measured between the asking and the reading of
 * the facts counts as measured then: a fact of the future would be none.
 */
export function shiftFacts(facts: Facts, by: number, at = Number.POSITIVE_INFINITY): Facts {
  const move = (fact: PostureFact) => ({
    ...fact,
    measuredAt: Math.min(fact.measuredAt + by, at),
    goodUntil: fact.goodUntil + by,
  });
  const moveAll = (record: Readonly<Record<string, PostureFact>>) =>
    Object.fromEntries(Object.entries(record).map(([key, fact]) => [key, move(fact)]));
  const { session, device } = facts;
  const secondFactorAt = session?.secondFactorAt == null ? null : session.secondFactorAt + by;
  return {
    ...facts,
    device: {
      ...device,
      certificateEndsAt: device.certificateEndsAt + by,
      posture: moveAll(device.posture),
      checks: moveAll(device.checks),
    },
    session: session && { ...session, startedAt: session.startedAt + by, endsAt: session.endsAt + by, secondFactorAt },
  };
}
