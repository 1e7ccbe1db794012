/**
 * The decision when some of what it rests on was not recorded. A policy that was evaluated without a look at what is missing
 * holds, or does not, whatever that was; one that looks at it is open. What no open policy can turn is decided, the rest is
 * `unknown` and never guessed (P32). Where no policy looks at what is missing, this is `decide`.
 */
import type { Ask } from '#shared/cedar/ask.ts';
import type { Policy } from '#shared/cedar/compile-policy.ts';
import { scopeMatches } from '#shared/cedar/compile-scope.ts';
import type { Entity, EntityStore } from '#shared/cedar/entities.ts';
import { EvaluationError } from '#shared/cedar/evaluation-error.ts';
import { CedarRecord, type EntityUid, type Members, type Value } from '#shared/cedar/values.ts';
import type { Reason } from '#shared/contracts/reasons.ts';
import { askOf } from './ask-of.ts';
import { decide, findStanding } from './decide.ts';
import { couldAllow } from './decide-partly.ts';
import type { Facts, Question } from './facts.ts';
import { policiesInScope } from './in-scope.ts';
import { type PolicySet, readsPart } from './policy-set.ts';

/** Paths of the context (`request`, `request.query`, `network`), or `person`: groups and everything else about who asks. */
export type MissingPart = string;

export interface PartVerdict {
  readonly verdict: 'allow' | 'deny' | 'unknown';
  readonly reasons: readonly Reason[];
  readonly policies: readonly string[];
  /** Of an `unknown`: the parts that an open policy looked at first. */
  readonly missing: readonly MissingPart[];
  /** Of an `unknown`: the permits that hold, or would by what is missing. */
  readonly maybe?: readonly string[];
}

/** `question` holds any value of its type for what is missing. */
export function judgePartly(set: PolicySet, question: Question, missing: ReadonlySet<MissingPart>): PartVerdict {
  if (!missing.has('person')) {
    const standing = findStanding(question);
    if (standing !== undefined) return { ...decided('deny', standing), policies: [] };
    const policies = policiesInScope(set, question);
    if (![...missing].some((part) => readsPart(policies, part))) {
      const { verdict, reasons, policies: named } = decide(set, question);
      return { verdict, reasons, policies: named, missing: [] };
    }
  }
  const found = evaluate(set, veil(askOf(question), missing));
  if (found.verdict !== 'unknown' || ![...missing].every(isAtGateway)) return found;
  return deniesEvery(set, { ...question, request: undefined, networkUnknown: missing.has('network') }) ?? found;
}

const isAtGateway = (part: MissingPart): boolean =>
  part === 'request' || part.startsWith('request.') || part === 'network';

/** `path like "/a" && false` is open by what was looked at first, and denied for every request all the same. */
function deniesEvery(set: PolicySet, question: Question): PartVerdict | undefined {
  const { verdict, reasons, policies } = couldAllow(set, question);
  return verdict === 'deny' ? { verdict, reasons, policies, missing: [] } : undefined;
}

/** Facts of which nothing is known but whose they are. With `missingFacts`. */
export function unknownFacts(person: string, address: string): Facts {
  return {
    v: 1,
    person: { id: person, name: '', role: '', state: 'active', risk: 0, groups: [] },
    device: { id: '', state: 'active', ownership: '', certificateEndsAt: 0, posture: {}, checks: {} },
    session: null,
    network: { address },
    timezone: 'UTC',
  };
}

/** What a snapshot of facts tells, and nothing else does. */
export const missingFacts: readonly MissingPart[] = [
  'person',
  'session',
  'device',
  'risk',
  'time.minuteOfDay',
  'time.weekday',
];

function evaluate(set: PolicySet, ask: Ask): PartVerdict {
  const permits = { certain: [] as string[], open: [] as string[] };
  const forbids = { certain: [] as string[], open: [] as string[], failed: [] as string[] };
  const looked = new Set<MissingPart>();
  for (const policy of set.index.aboutTarget(ask)) {
    const side = policy.effect === 'permit' ? permits : forbids;
    try {
      if (holds(policy, ask)) side.certain.push(policy.id);
    } catch (error) {
      if (error instanceof LookedAtMissing) {
        side.open.push(policy.id);
        looked.add(error.part);
      } else if (!(error instanceof EvaluationError)) return decided('deny', 'policy-error');
      else if (policy.effect === 'forbid') forbids.failed.push(policy.id);
    }
  }
  if (forbids.failed.length > 0) return decided('deny', 'policy-error', forbids.failed);
  if (forbids.certain.length > 0) return decided('deny', 'policy-forbid', forbids.certain);
  if (permits.certain.length === 0 && permits.open.length === 0) return decided('deny', 'no-permit');
  if (forbids.open.length === 0 && permits.certain.length > 0)
    return decided('allow', 'policy-permit', permits.certain);
  const maybe = [...permits.certain, ...permits.open].toSorted();
  return { verdict: 'unknown', reasons: [], policies: [], missing: [...looked], maybe };
}

const holds = (policy: Policy, ask: Ask): boolean => scopeMatches(policy.scope, ask) && policy.holds(ask);

function decided(verdict: 'allow' | 'deny', reason: Reason, policies: readonly string[] = []): PartVerdict {
  return { verdict, reasons: [reason], policies: policies.toSorted(), missing: [] };
}

/** No error of the policy that looks: those have a meaning of their own (P7). */
class LookedAtMissing extends Error {
  readonly part: MissingPart;

  constructor(part: MissingPart) {
    super(`${part} is not known`);
    this.part = part;
  }
}

function veil(ask: Ask, missing: ReadonlySet<MissingPart>): Ask {
  const context = new CedarRecord(new VeiledMembers(ask.context.members, missing, ''));
  const entities = missing.has('person') ? veilPrincipal(ask) : ask.entities;
  return { ...ask, context, entities };
}

function veilPrincipal({ principal, entities }: Ask): EntityStore {
  const look = (): never => {
    throw new LookedAtMissing('person');
  };
  const nobody: Entity = {
    get attributes(): CedarRecord {
      return look();
    },
    get tags(): CedarRecord {
      return look();
    },
    get ancestors(): ReadonlySet<string> {
      return look();
    },
  };
  return { find: (uid: EntityUid) => (uid.key === principal.key ? nobody : entities.find(uid)) };
}

class VeiledMembers implements Members {
  readonly #members: Members;
  readonly #missing: ReadonlySet<MissingPart>;
  readonly #prefix: string;

  constructor(members: Members, missing: ReadonlySet<MissingPart>, prefix: string) {
    this.#members = members;
    this.#missing = missing;
    this.#prefix = prefix;
  }

  get(name: string): Value | undefined {
    const path = `${this.#prefix}${name}`;
    if (this.#missing.has(path)) throw new LookedAtMissing(path);
    const value = this.#members.get(name);
    const below = `${path}.`;
    if (!(value instanceof CedarRecord) || ![...this.#missing].some((part) => part.startsWith(below))) return value;
    return new CedarRecord(new VeiledMembers(value.members, this.#missing, below));
  }

  /** Whoever takes a record whole looks at all of it. */
  keys(): Iterable<string> {
    const part = [...this.#missing].find((path) => path.startsWith(this.#prefix));
    if (part !== undefined) throw new LookedAtMissing(part);
    return this.#members.keys();
  }
}
