/** The next moment at which something is open, among those at which policies can turn; told in the organisation's timezone. */
import { day, hour, minute } from '#shared/base/clock.ts';
import type { Change } from './change.ts';
import { comparisonsOf, literalsFor } from './comparisons.ts';
import type { Question } from './facts.ts';
import { calendarOf } from './facts-to-context.ts';
import { type CompiledPolicy, readsPart } from './policy-set.ts';
import { shiftFacts } from './shift-facts.ts';

/** Decisions in one search: fewer where many policies are asked each time, as a denial must stay cheap (P12). */
const mostMoments = { policies: 40_000, least: 48, most: 400 } as const;
const minutesOfDay = 1440;

/**
 * Undefined when no moment of the next eight days, nor one that a policy names, is found open. `allows`: with facts as old as
 * now. Where policies name too many moments, hours stand for them.
 */
export function nextOpening(
  policies: readonly CompiledPolicy[],
  question: Question,
  allows: (question: Question) => boolean,
): Change | undefined {
  if (!readsPart(policies, 'time')) return undefined;
  const { timezone } = question.facts;
  let last = question.at;
  for (const planned of plan(policies, question)) {
    const at = planned.minute === undefined ? planned.at : onClock(planned.at, planned.minute, timezone);
    if (at <= last) continue;
    last = at;
    if (allows(atTime(question, at))) return openingAt(question, at);
  }
  return undefined;
}

/** Ages stay as they are: only the time is another. */
const atTime = (question: Question, at: number): Question => ({
  ...question,
  at,
  facts: shiftFacts(question.facts, at - question.at),
});

function openingAt({ at, facts: { timezone } }: Question, opens: number): Change {
  const when = tellMoment(opens, at, timezone);
  return {
    kind: 'time',
    by: 'self',
    slot: 'time',
    text: `${when} (${timezone}) or another time like it`,
    fix: { kind: 'time', text: `It is not open at this time. It opens ${when} (${timezone}).` },
    suppose: (question) => atTime(question, opens),
  };
}

/** A moment by the clock of the organisation, where `minute` is told: clocks may be set in between. */
interface Planned {
  readonly at: number;
  readonly minute?: number;
}

function plan(policies: readonly CompiledPolicy[], question: Question): readonly Planned[] {
  const { at } = question;
  const hours: Planned[] = [];
  for (let ahead = 1; ahead <= 7 * 24; ahead += ahead < 24 ? 1 : 6) hours.push({ at: at + ahead * hour });
  if (namesTooMany(policies)) return hours;
  const named = policies.flatMap(({ moments }) => moments.flatMap((moment) => [{ at: moment }, { at: moment + 1 }]));
  const planned = [...named, ...onEachDay(minutesOf(policies), question)];
  if (policies.some(({ computes }) => computes)) planned.push(...hours);
  return planned.sort((a, b) => a.at - b.at);
}

const daysAhead = 8;

/** Whether the search for an opening looks at less than policies name. */
export function namesTooMany(policies: readonly CompiledPolicy[]): boolean {
  const { policies: share, least, most } = mostMoments;
  const named = policies.reduce((sum, { moments }) => sum + 2 * moments.length, 0);
  const moments = named + (daysAhead + 1) * minutesOf(policies).size;
  return moments > Math.min(most, Math.max(least, share / policies.length));
}

/** At which something can turn: a number that is compared with the minute of the day, and the one after it. */
function minutesOf(policies: readonly CompiledPolicy[]): ReadonlySet<number> {
  const path = 'time.minuteOfDay';
  const computing = policies.filter(
    (policy) => policy.reads.has(path) && !comparisonsOf(policy).some((comparison) => comparison.path === path),
  );
  const numbers = [...literalsFor(policies, path), ...computing.flatMap(({ longs }) => longs)];
  const minutes = numbers.flatMap((number) => (typeof number === 'number' ? [number, number + 1] : []));
  return new Set([0, ...minutes.filter((number) => number >= 0 && number < minutesOfDay)]);
}

function onEachDay(minutes: ReadonlySet<number>, { at, facts: { timezone } }: Question): Planned[] {
  const start = Math.floor(at / minute) * minute;
  const now = calendarOf(at, timezone).minuteOfDay;
  const planned: Planned[] = [];
  for (let days = 0; days <= daysAhead; days += 1)
    for (const wanted of minutes) planned.push({ at: start + days * day + (wanted - now) * minute, minute: wanted });
  return planned;
}

/** The clocks may have been changed in between. */
function onClock(moment: number, wanted: number, timezone: string): number {
  const half = minutesOfDay / 2;
  const off = wanted - calendarOf(moment, timezone).minuteOfDay;
  const nearest = ((((off + half) % minutesOfDay) + minutesOfDay) % minutesOfDay) - half;
  return moment + nearest * minute;
}

/** `today 14:00`, `tomorrow 09:00`, `Monday 09:00`, and with the date when that is further away. */
function tellMoment(moment: number, now: number, timezone: string): string {
  const parts = (at: number) => {
    const options = { timeZone: timezone, hourCycle: 'h23', hour: '2-digit', minute: '2-digit' } as const;
    const date = { year: 'numeric', month: '2-digit', day: '2-digit', weekday: 'long' } as const;
    const format = new Intl.DateTimeFormat('en-US', { ...options, ...date });
    return Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value])) as Record<
      string,
      string
    >;
  };
  const dateOf = ({ year, month, day: of }: Record<string, string>) => `${year}-${month}-${of}`;
  const [then, today, tomorrow] = [parts(moment), dateOf(parts(now)), dateOf(parts(now + day))];
  const clock = `${then['hour']}:${then['minute']}`;
  if (dateOf(then) === today) return `today ${clock}`;
  if (dateOf(then) === tomorrow) return `tomorrow ${clock}`;
  return moment - now < 6 * day ? `${then['weekday']} ${clock}` : `${then['weekday']} ${dateOf(then)} ${clock}`;
}
