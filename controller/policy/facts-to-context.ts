/**
 * Stored facts as the context of a Cedar request at one moment. Every fact has a value: one that is unknown, failed,
 * stale, of a wrong type or from the future takes its worst (P8). Ages are whole seconds by the controller's clock (P19).
 */
import { plainAddress } from '#shared/base/plain-address.ts';
import { EvaluationError } from '#shared/cedar/evaluation-error.ts';
import { Datetime } from '#shared/cedar/ext-datetime.ts';
import { parseIpAddr } from '#shared/cedar/ext-ipaddr.ts';
import { type Find, finders, foundRecord } from '#shared/cedar/found-members.ts';
import { type CedarRecord, CedarSet, type Value } from '#shared/cedar/values.ts';
import { never } from '#shared/contracts/policy-schema.ts';
import { type FactKey, factKeys, osNames, postureFacts } from '#shared/contracts/posture.ts';
import type { PostureFact, Question } from './facts.ts';

/** Throws, at the first look at it, for an address that is none: no policy may be decided on that. */
export function toContext(question: Question): CedarRecord {
  return foundRecord(contextFacts, question);
}

const text = (value: string): string => value.toWellFormed();
const texts = (values: readonly string[]): CedarSet => new CedarSet(values.map(text));

const sessionFacts = finders<Question>({
  methods: ({ facts: { session } }) => texts(session?.methods ?? []),
  secondFactor: (question) => secondFactorAge(question) !== never,
  signInAge: ({ facts: { session }, at }) => ageSeconds(session?.startedAt ?? null, at),
  secondFactorAge,
});

const deviceFacts = finders<Question>({
  id: ({ facts: { device } }) => text(device.id),
  ownership: ({ facts: { device } }) => text(device.ownership),
  ...Object.fromEntries(factKeys.map((key) => [key, findFact(key)])),
});

const networkFacts = finders<Question>({ address: ({ facts: { network } }) => readAddress(network.address) });

const timeFacts = finders<Question>({
  now: ({ at }) => new Datetime(at),
  minuteOfDay: ({ at, facts: { timezone } }) => calendarOf(at, timezone).minuteOfDay,
  weekday: ({ at, facts: { timezone } }) => calendarOf(at, timezone).weekday,
});

const riskFacts = finders<Question>({ level: ({ facts: { person } }) => wholeNumber(person.risk, 100) });

const requestFacts = finders<Question>({
  method: ({ request }) => request && text(request.method),
  host: ({ request }) => request && text(request.host),
  path: ({ request }) => request && text(request.path),
  query: ({ request }) => request && text(request.query),
  operation: ({ request }) => request && text(request.operation),
});

const contextFacts = finders<Question>({
  session: (question) => foundRecord(sessionFacts, question),
  device: (question) => foundRecord(deviceFacts, question),
  network: (question) => foundRecord(networkFacts, question),
  time: (question) => foundRecord(timeFacts, question),
  risk: (question) => foundRecord(riskFacts, question),
  request: (question) =>
    question.act === 'request' && question.request !== undefined ? foundRecord(requestFacts, question) : undefined,
});

function findFact(key: FactKey): Find<Question> {
  if (key === 'checks') return ({ facts: { device }, at }) => texts(passedChecks(device.checks, at));
  return ({ facts: { device }, at }) => {
    const value = seenValue(key, ownMember(device.posture, key), at);
    return typeof value === 'string' ? text(value) : value;
  };
}

/** Not an error of the policy that looks: then a permit that does not look would still permit. */
function readAddress(address: string): Value {
  try {
    return parseIpAddr(plainAddress(address));
  } catch (error) {
    if (error instanceof EvaluationError) throw new Error(`the network address cannot be read: ${error.message}`);
    throw error;
  }
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

function passedChecks(checks: Readonly<Record<string, PostureFact>>, at: number): string[] {
  return Object.entries(checks)
    .filter(([, check]) => check.status === 'pass' && isFresh(check, at))
    .map(([id]) => id);
}

function secondFactorAge({ facts: { session }, at }: Question): number {
  return ageSeconds(session?.secondFactorAt ?? null, at);
}

/** Whole seconds since then; `never` when it did not happen, or happened in a future that a clock was set back from. */
function ageSeconds(then: number | null, at: number): number {
  return then === null || then > at ? never : Math.min(Math.floor((at - then) / 1000), never);
}

interface Calendar {
  readonly format: Intl.DateTimeFormat;
  /** Of the minute last asked about: a search through many moments asks for each several times. */
  last?: { readonly minute: number; readonly minuteOfDay: number; readonly weekday: number };
}
const calendars = new Map<string, Calendar>();
const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** `weekday` is 1 for Monday to 7 for Sunday (ISO 8601); `minuteOfDay` is 0 to 1439; both in the organisation's timezone. */
export function calendarOf(at: number, timezone: string): { readonly minuteOfDay: number; readonly weekday: number } {
  let calendar = calendars.get(timezone);
  if (calendar === undefined) {
    const options = { timeZone: timezone, weekday: 'short', hour: '2-digit', minute: '2-digit' } as const;
    calendar = { format: new Intl.DateTimeFormat('en-US', { ...options, hourCycle: 'h23' }) };
    calendars.set(timezone, calendar);
  }
  const minute = Math.floor(at / 60_000);
  if (calendar.last?.minute !== minute) {
    const parts: Record<string, string> = {};
    for (const { type, value } of calendar.format.formatToParts(at)) parts[type] = value;
    const minuteOfDay = Number(parts['hour']) * 60 + Number(parts['minute']);
    calendar.last = { minute, minuteOfDay, weekday: weekdays.indexOf(parts['weekday'] ?? '') + 1 };
  }
  return calendar.last!;
}

/** A risk that cannot be read is the highest. */
function wholeNumber(value: number, worst: number): number {
  return Number.isSafeInteger(value) && value >= 0 && value <= worst ? value : worst;
}

function ownMember<V>(record: Readonly<Record<string, V>>, key: string): V | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
