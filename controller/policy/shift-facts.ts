/** The same facts at another time: every age and every time left stay as they are. For "what if it were Saturday". */
import type { Facts, PostureFact } from './facts.ts';

/** `by`: milliseconds, negative for an earlier time. */
export function shiftFacts(facts: Facts, by: number): Facts {
  const move = (fact: PostureFact) => ({ ...fact, measuredAt: fact.measuredAt + by, goodUntil: fact.goodUntil + by });
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
