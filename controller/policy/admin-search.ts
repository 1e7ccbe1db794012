/** The smallest changes that would allow what was denied, an administrator's among them. Wider than what an employee is told. */
import type { PostureCheck } from '#shared/contracts/posture.ts';
import { adminChanges, mostNamed, namedPaths } from './admin-changes.ts';
import { type Change, supposeAll, withPerson } from './change.ts';
import { literalsFor } from './comparisons.ts';
import { couldAllow } from './decide-partly.ts';
import type { Question } from './facts.ts';
import { smallestOwn } from './fixes.ts';
import { policiesInScope } from './in-scope.ts';
import { namesTooMany, nextOpening } from './next-opening.ts';
import { mostRanges, otherNetworks } from './other-networks.ts';
import { mostOperations, otherRequests } from './other-requests.ts';
import { ownChanges } from './own-changes.ts';
import { type CompiledPolicy, type PolicySet, readsPart } from './policy-set.ts';
import { findSmallest, type Smallest } from './smallest-changes.ts';

/** Decisions in one search: a few hundredths of a second. Fewer where many policies are asked each time. */
const mostDecisions = { policies: 500_000, least: 400, most: 4000 } as const;

export interface SearchFacts {
  readonly checks: readonly PostureCheck[];
  /** Of the app. */
  readonly operations?: Readonly<Record<string, string>> | undefined;
}

/** `question` is denied. */
export function searchChanges(set: PolicySet, question: Question, { checks, operations = {} }: SearchFacts): Smallest {
  const policies = concerned(set, question);
  const own = ownChanges(policies, question, checks);
  const admins = adminChanges(policies, question);
  const places = [...otherNetworks(policies, question), ...otherRequests(policies, question, operations)];
  const now = [...own, ...places, ...admins];
  const opens = (supposed: Question) => couldAllow(set, supposed).verdict === 'allow';
  const allows = (changes: readonly Change[]) => opens(supposeAll(question, changes));
  const all = [...own, ...places, ...openings(policies, question, { own, admins, opens }), ...admins];
  const { least, most, policies: share } = mostDecisions;
  const evaluations = Math.min(most, Math.max(least, Math.floor(share / policies.length)));
  const limits = { evaluations, most: 3 };
  const searched = findSmallest(all, allows, limits, lastOfEachSlot(now, allows));
  const isCut = namesTooMuch(policies) || Object.keys(operations).length > mostOperations;
  const found = { ...searched, complete: searched.complete && !isCut };
  const [first] = found.sets;
  if (first?.every(({ by }) => by === 'self')) return found;
  // More work perhaps, but nobody else's.
  const alone = smallestOwn(set, policiesInScope(set, question), question, checks);
  return alone === undefined ? found : { ...found, sets: [...found.sets, alone] };
}

/** Whether policies name more than is tried. */
function namesTooMuch(policies: readonly CompiledPolicy[]): boolean {
  const names = (path: string) => literalsFor(policies, path).length;
  return (
    (readsPart(policies, 'time') && namesTooMany(policies)) ||
    names('network.address') > mostRanges ||
    namedPaths.some((path) => names(path) > mostNamed)
  );
}

/** Of this app and action, whatever groups the person is in. */
function concerned(set: PolicySet, question: Question): readonly CompiledPolicy[] {
  const named = set.policies.flatMap(({ entities }) =>
    entities.flatMap(({ type, id }) => (type === 'Group' ? id : [])),
  );
  return policiesInScope(set, withPerson(question, { groups: [...new Set(named)] }));
}

interface Searching {
  readonly own: readonly Change[];
  readonly admins: readonly Change[];
  readonly opens: (question: Question) => boolean;
}

/** Other times: alone, after all that the person can do, and after all that anybody can. */
function openings(
  policies: readonly CompiledPolicy[],
  question: Question,
  { own, admins, opens }: Searching,
): Change[] {
  const before = [[], bestOf(own), bestOf([...own, ...admins])];
  const found = new Map<string, Change>();
  for (const changes of before) {
    const opening = nextOpening(policies, supposeAll(question, changes), opens);
    if (opening !== undefined && !found.has(opening.text)) found.set(opening.text, opening);
  }
  return [...found.values()];
}

const bestOf = (changes: readonly Change[]): Change[] => [
  ...new Map(changes.map((change) => [change.slot, change])).values(),
];

function lastOfEachSlot(changes: readonly Change[], allows: (changes: readonly Change[]) => boolean) {
  const best = bestOf(changes);
  return best.length > 0 && allows(best) ? best : undefined;
}
