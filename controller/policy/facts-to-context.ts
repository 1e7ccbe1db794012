/**
 * Stored facts as the context of a Cedar request at one moment. Every fact has a value: one that is unknown, failed,
 * stale, of a wrong type or from the future takes its worst (P8). Ages are whole seconds by the controller's clock (P19).
 */
import type { CedarValueJson, Context } from '@cedar-policy/cedar-wasm/nodejs';
import { plainAddress } from '#shared/base/plain-address.ts';
import { never } from '#shared/contracts/policy-schema.ts';
import { type FactKey, factKeys, osNames, postureFacts } from '#shared/contracts/posture.ts';
import type { PostureFact, Question, RequestFacts } from './facts.ts';

/**
 * `reads`: what the policies look at; only that is carried into the engine, which costs more than deciding on it. If a
 * reading were ever missed, the policy would meet an absent value and be in error, which forbids (P7).
 */
export function toContext(question: Question, reads: ReadonlySet<string> = everything): Context {
  const { facts, at, act, request } = question;
  const parts: Record<string, () => Record<string, CedarValueJson>> = {
    session: () => sessionContext(question),
    device: () => ({ id: facts.device.id, ownership: facts.device.ownership, ...deviceContext(question) }),
    network: () => ({ address: { __extn: { fn: 'ip', arg: plainAddress(facts.network.address) } } }),
    time: () => timeContext(at, facts.timezone),
    risk: () => ({ level: wholeNumber(facts.person.risk, 100) }),
  };
  if (act === 'request' && request !== undefined) parts['request'] = () => requestContext(request);
  const context: Context = {};
  for (const [part, make] of Object.entries(parts)) {
    if (reads.has('*') || reads.has(part)) context[part] = make();
    else if (readsWithin(reads, part))
      context[part] = Object.fromEntries(Object.entries(make()).filter(([name]) => reads.has(`${part}.${name}`)));
  }
  return context;
}

const everything: ReadonlySet<string> = new Set(['*']);

function readsWithin(reads: ReadonlySet<string>, part: string): boolean {
  for (const path of reads) if (path.startsWith(`${part}.`)) return true;
  return false;
}

function requestContext({ method, host, path, query, operation }: RequestFacts): Record<string, CedarValueJson> {
  return { method, host, path, query, operation };
}

/** The value that a policy sees of one posture fact at a moment. */
export function seenValue(key: Exclude<FactKey, 'checks'>, fact: PostureFact | undefined, at: number) {
  const { kind, worst } = postureFacts[key];
  if (fact === undefined || !isFresh(fact, at) || fact.status !== 'pass') return worst;
  const { value } = fact;
  if (kind === 'boolean') return value === true;
  if (kind === 'number') return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : worst;
  if (key === 'os') return (osNames as readonly unknown[]).includes(value) ? (value as string) : worst;
  return typeof value === 'string' ? value : worst;
}

/** Measured and not yet stale. A fact "measured" in the future comes from a clock that was set back: not fresh. */
export function isFresh(fact: PostureFact, at: number): boolean {
  return fact.measuredAt <= at && at < fact.goodUntil;
}

function deviceContext({ facts, at }: Question): Record<string, CedarValueJson> {
  const seen: Record<string, CedarValueJson> = {};
  for (const key of factKeys)
    seen[key] =
      key === 'checks'
        ? passedChecks(facts.device.checks, at)
        : seenValue(key, ownMember(facts.device.posture, key), at);
  return seen;
}

function passedChecks(checks: Readonly<Record<string, PostureFact>>, at: number): string[] {
  return Object.entries(checks)
    .filter(([, check]) => check.status === 'pass' && isFresh(check, at))
    .map(([id]) => id);
}

function sessionContext({ facts: { session }, at }: Question): Record<string, CedarValueJson> {
  const secondFactorAge = ageSeconds(session?.secondFactorAt ?? null, at);
  return {
    methods: [...(session?.methods ?? [])],
    secondFactor: secondFactorAge !== never,
    signInAge: ageSeconds(session?.startedAt ?? null, at),
    secondFactorAge,
  };
}

/** Whole seconds since then; `never` when it did not happen, or happened in a future that a clock was set back from. */
function ageSeconds(then: number | null, at: number): number {
  return then === null || then > at ? never : Math.min(Math.floor((at - then) / 1000), never);
}

const calendars = new Map<string, Intl.DateTimeFormat>();
const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** `weekday` is 1 for Monday to 7 for Sunday (ISO 8601); `minuteOfDay` is 0 to 1439; both in the organisation's timezone. */
function timeContext(at: number, timezone: string): Record<string, CedarValueJson> {
  let calendar = calendars.get(timezone);
  if (calendar === undefined) {
    const options = {
      timeZone: timezone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    } as const;
    calendar = new Intl.DateTimeFormat('en-US', options);
    calendars.set(timezone, calendar);
  }
  const parts: Record<string, string> = {};
  for (const { type, value } of calendar.formatToParts(at)) parts[type] = value;
  return {
    now: { __extn: { fn: 'datetime', arg: new Date(at).toISOString() } },
    minuteOfDay: Number(parts['hour']) * 60 + Number(parts['minute']),
    weekday: weekdays.indexOf(parts['weekday'] ?? '') + 1,
  };
}

/** A risk that cannot be read is the highest. */
function wholeNumber(value: number, worst: number): number {
  return Number.isSafeInteger(value) && value >= 0 && value <= worst ? value : worst;
}

function ownMember<V>(record: Readonly<Record<string, V>>, key: string): V | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
