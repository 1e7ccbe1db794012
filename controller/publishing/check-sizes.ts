/**
 * Whether what policies leave undecided fits into a grant, for each person and app (P11): looked at before a version or an app
 * is in force, as a denial for its size helps nobody. Each person is judged with what they last had, signed in this moment, and
 * as if their device were good in every respect and known in none.
 */
import { PosternError } from '#shared/base/errors.ts';
import type { App } from '#shared/contracts/app.ts';
import { type GrantClaims, rulesVersion } from '#shared/contracts/grant.ts';
import { postureFacts } from '#shared/contracts/posture.ts';
import { type KnownPerson, loadPeople } from '../analysis/load-people.ts';
import { measureRules } from '../grants/fit-claims.ts';
import { appFacts, loadApps } from '../grants/load-facts.ts';
import { askOf } from '../policy/ask-of.ts';
import type { Facts, Question } from '../policy/facts.ts';
import { bestPosture } from '../policy/good-device.ts';
import { type PolicySet, readsPart } from '../policy/policy-set.ts';
import { signedInAt } from '../policy/supposed-session.ts';
import { ruleOn } from '../policy/what-rules.ts';
import type { Db } from '../store/open-store.ts';
import { busiestRate } from './grant-rate.ts';

export interface SizeOrder {
  readonly set: PolicySet;
  readonly at: number;
  /** IANA name. */
  readonly timezone: string;
  /** This app alone. */
  readonly only?: string;
}

interface TooLarge {
  readonly app: string;
  readonly person: string;
  readonly policies: readonly string[];
  readonly bytes: number;
  readonly room: number;
}

/** Rulings in one check, since it is made in a transaction: who comes after them is met by the denial when a grant is asked for. */
const mostRulings = 20_000;
const mostApps = 500;

/** Throws `policy-too-large`, with what to do about it. */
export async function refuseTooLarge(db: Db, order: SizeOrder): Promise<void> {
  const lines = await tellTooLarge(db, order);
  if (lines.length > 0)
    throw new PosternError('policy-too-large', lines[0]!, { tell: lines.join(' ').slice(0, 4000), extra: { lines } });
}

/** One line for each app, of 20 at most. */
export async function tellTooLarge(db: Db, order: SizeOrder): Promise<string[]> {
  const lines: string[] = [];
  for (const one of (await findTooLarge(db, order)).slice(0, 20)) lines.push(await tell(db, one, order.at));
  return lines;
}

async function tell(db: Db, { app, person, policies, bytes, room }: TooLarge, at: number): Promise<string> {
  const rate = await busiestRate(db, app, at);
  return (
    `App ${app}: what is left undecided for ${person} takes ${bytes} bytes, and a grant has ${room} for it ("${policies.join('", "')}"). ` +
    `Make these policies simpler, or let the app be granted request by request (posternctl app set ${app} --exact-request): ` +
    `${rate === undefined ? 'no traffic of it is recorded to say how many grants that would be' : `at most ${rate} grants a second by its busiest hour of the last 7 days`}.`
  );
}

/** One for each app: the largest. */
async function findTooLarge(db: Db, { set, at, timezone, only }: SizeOrder): Promise<TooLarge[]> {
  const all = (await loadApps(db)).filter((app) => (only === undefined || app.id === only) && leavesOpen(set, app, at));
  const apps = all.slice(0, mostApps);
  if (apps.length === 0) return [];
  const named = new Set(set.policies.flatMap(({ entities }) => entities.map(({ type, id }) => `${type} ${id}`)));
  const judged = new Set<string>();
  const largest = new Map<string, TooLarge>();
  for await (const { people } of loadPeople(db, { address: '', timezone })) {
    for (const person of people) {
      for (const facts of factsOf(person, timezone, at)) {
        const key = keyOf(facts, named);
        if (judged.has(key)) continue;
        if (judged.size * apps.length >= mostRulings) return [...largest.values()];
        judged.add(key);
        for (const app of apps) {
          const found = measure(set, app, facts, at);
          if (found !== undefined && found.bytes > (largest.get(app.id)?.bytes ?? 0)) largest.set(app.id, found);
        }
      }
    }
  }
  return [...largest.values()];
}

/** False for an app whose policies look at nothing that only the gateway knows: their numbers alone always fit. */
function leavesOpen(set: PolicySet, app: App, at: number): boolean {
  if (app.kind === 'http' && app.exactRequest === true) return false;
  const about = set.index.aboutTarget(askOf(questionOf(app, nobody, at))).map(({ id }) => set.byName.get(id)!);
  return about.length > 60 || readsPart(about, 'request') || readsPart(about, 'network');
}

const nobody: Facts = {
  v: 1,
  person: { id: '', name: '', role: '', state: 'active', risk: 0, groups: [] },
  device: { id: '', state: 'active', ownership: 'unknown', certificateEndsAt: 0, posture: {}, checks: {} },
  session: null,
  network: { address: '' },
  timezone: 'UTC',
};

function questionOf(app: App, facts: Facts, at: number): Question {
  return { facts, app: appFacts(app), act: app.kind === 'http' ? 'request' : 'connect', at, networkUnknown: true };
}

function* factsOf({ person, devices }: KnownPerson, timezone: string, at: number): Generator<Facts> {
  if (person.state !== 'active' || person.groups === null) return;
  const [first] = devices;
  const device = first?.facts.device ?? nobody.device;
  const common = {
    v: 1 as const,
    person,
    session: { ...signedInAt(at), id: 'ses_supposed00000000' },
    network: { address: '' },
    timezone,
  };
  const os = device.posture['os']?.value;
  yield { ...common, device: { ...device, state: 'active', posture: bestPosture(at, os) } };
  yield { ...common, device: { ...device, state: 'active', posture: {}, checks: {} } };
  for (const { facts } of devices) yield { ...common, device: facts.device };
}

/** Equal for people whom no policy tells apart. */
function keyOf({ person, device }: Facts, named: ReadonlySet<string>): string {
  const { id, role, risk, groups } = person;
  const told = (groups ?? []).filter((group) => named.has(`Group ${group}`));
  const posture = Object.keys(postureFacts).map((fact) => device.posture[fact]?.value ?? null);
  const checks = Object.entries(device.checks).map(([check, { status }]) => [check, status]);
  const isNamed = named.has(`Person ${id}`);
  return JSON.stringify([isNamed ? id : '', role, risk, told, device.ownership, posture, checks]);
}

function measure(set: PolicySet, app: App, facts: Facts, at: number): TooLarge | undefined {
  const { rules, use } = ruleOn(set, questionOf(app, facts, at));
  // Each of those is for one request, and has its size.
  if (rules === undefined || use === 'once') return undefined;
  const { bytes, room } = measureRules(claimsOf(app, facts, rules), 'k'.repeat(43));
  if (bytes <= room) return undefined;
  const undecided = [...rules.permits, ...rules.forbids, ...(rules.once ?? [])].filter((term) => term.if !== undefined);
  const policies = [...new Set(undecided.map(({ p }) => set.policies[p]!.name))].slice(0, 16);
  return { app: app.id, person: facts.person.id, policies, bytes, room };
}

/** As long as a real one, or a little longer. */
function claimsOf(app: App, { person }: Facts, rules: GrantClaims['rules']): GrantClaims {
  return {
    iss: `spiffe://${'t'.repeat(40)}`,
    aud: app.site,
    sub: person.id,
    did: 'dev_0000000000000000',
    sid: 'ses_0000000000000000',
    app: app.id,
    act: app.kind === 'http' ? 'request' : 'connect',
    jti: 'gr_00000000000000000000',
    iat: 1_800_000_000,
    exp: 1_800_000_060,
    cnf: { jkt: 'k'.repeat(43) },
    auth_time: 1_800_000_000,
    amr: ['pwd', 'otp', 'mfa'],
    seen: 1_000_000_000,
    epoch: 100_000,
    use: 'many',
    rules: { ...rules, v: rulesVersion },
  };
}
