/**
 * Whom a version would lock out (P6). Owners and administrators are judged with their real devices, the posture last reported, and a
 * session as fresh as they can make it, under the version in force and under the new one. Nothing is granted by this.
 */
import { hour } from '#shared/base/clock.ts';
import type { GrantAction } from '#shared/contracts/grant.ts';
import { appFacts, loadApps, loadFacts } from '../grants/load-facts.ts';
import type { Verdict } from '../policy/decide.ts';
import { couldAllow } from '../policy/decide-partly.ts';
import type { AppFacts, Facts } from '../policy/facts.ts';
import { policiesInScope } from '../policy/in-scope.ts';
import { type PolicySet, readsPart } from '../policy/policy-set.ts';
import { shiftFacts } from '../policy/shift-facts.ts';
import { signedInAt } from '../policy/supposed-session.ts';
import type { Db } from '../store/open-store.ts';

export interface LockOutOrder {
  /** The set in force; undefined lets nobody in, so that nobody can be locked out. */
  readonly before: PolicySet | undefined;
  readonly after: PolicySet;
  readonly at: number;
  /** IANA name. */
  readonly timezone: string;
}

export interface LockOut {
  /** Every owner and administrator who can use something now could use nothing. */
  readonly everyone: boolean;
  /** One line each: who would lose what, and by which policy. */
  readonly lines: readonly string[];
}

interface Way {
  readonly person: string;
  readonly role: string;
  readonly facts: Facts;
}

/** Bounds of what is looked at in one transaction. */
const most = { administrators: 50, devices: 100, apps: 500, lines: 40 } as const;
/** When nobody can use anything now, as at night, the first moment of the coming week at which somebody can. */
const moments = Array.from({ length: 57 }, (_, step) => step * 3 * hour);

export async function findLockOut(db: Db, order: LockOutOrder): Promise<LockOut> {
  const { before, after } = order;
  if (before === undefined) return { everyone: false, lines: [] };
  const apps = (await loadApps(db)).slice(0, most.apps).map(appFacts);
  const ways = await loadWays(db, order, ['owner', 'admin'], most.administrators * 4);
  const later = firstUse(before, ways, apps, order.at);
  const lines: string[] = [];
  let [using, lost] = [0, 0];
  if (later !== undefined)
    for (const [person, own] of Map.groupBy(ways, (way) => way.person)) {
      const can = (set: PolicySet, app: AppFacts) => own.some((way) => canUse(set, way, app, order.at, later));
      const had = apps.filter((app) => can(before, app));
      if (had.length === 0) continue;
      using += 1;
      if (had.some((app) => can(after, app))) continue;
      lost += 1;
      const [{ role, facts }] = own as [Way];
      for (const app of had) {
        const verdict = judge(after, facts, app, order.at, later);
        lines.push(
          `${role} ${person} would lose ${app.id}: ${tellWhy(verdict, judge(before, facts, app, order.at, later))}`,
        );
      }
    }
  return { everyone: using > 0 && lost === using, lines: lines.slice(0, most.lines) };
}

/**
 * The first of `moments` at which somebody can use something. This is in a transaction, and often nobody who administers uses any app: where
 * no policy in scope looks at the time, the week is not gone through, since all else is shifted with it.
 */
function firstUse(set: PolicySet, ways: readonly Way[], apps: readonly AppFacts[], at: number): number | undefined {
  if (ways.some((way) => apps.some((app) => canUse(set, way, app, at, 0)))) return 0;
  const turning = ways.map((way) => ({ way, own: apps.filter((app) => turnsWithTime(set, way, app, at)) }));
  return moments
    .slice(1)
    .find((by) => turning.some(({ way, own }) => own.some((app) => canUse(set, way, app, at, by))));
}

function turnsWithTime(set: PolicySet, { facts }: Way, app: AppFacts, at: number): boolean {
  return readsPart(policiesInScope(set, { facts, app, act: actOn(app), at }), 'time');
}

/** Apps that somebody of those last seen can use now and nobody of them could any more. */
export async function findLostApps(db: Db, { before, after, at, timezone }: LockOutOrder): Promise<string[]> {
  if (before === undefined) return [];
  const apps = (await loadApps(db)).slice(0, most.apps).map(appFacts);
  const ways = await loadWays(db, { at, timezone }, undefined, most.devices);
  return apps
    .filter((app) => {
      const had = ways.filter((way) => canUse(before, way, app, at, 0));
      return had.length > 0 && !had.some((way) => canUse(after, way, app, at, 0));
    })
    .map(({ id }) => id);
}

const canUse = (set: PolicySet, { facts }: Way, app: AppFacts, at: number, later: number): boolean =>
  judge(set, facts, app, at, later).verdict === 'allow';

function judge(set: PolicySet, facts: Facts, app: AppFacts, at: number, later: number): Verdict {
  return couldAllow(set, {
    facts: later === 0 ? facts : shiftFacts(facts, later),
    app,
    act: actOn(app),
    at: at + later,
  });
}

const actOn = ({ kind }: AppFacts): GrantAction => (kind === 'http' ? 'request' : 'connect');

function tellWhy(after: Verdict, before: Verdict): string {
  if (after.policies.length > 0) return `"${after.policies.join('", "')}" forbids it`;
  return before.policies.length > 0
    ? `no policy permits it any more; "${before.policies.join('", "')}" does now`
    : 'no policy permits it any more';
}

async function loadWays(
  db: Db,
  { at, timezone }: Pick<LockOutOrder, 'at' | 'timezone'>,
  roles: readonly string[] | undefined,
  limit: number,
): Promise<Way[]> {
  let query = db
    .selectFrom('devices')
    .innerJoin('people', 'people.id', 'devices.person_id')
    .select(['devices.id', 'people.id as person', 'people.role'])
    .where('devices.state', '=', 'active')
    .where('people.state', '=', 'active')
    .orderBy('devices.last_seen_at', 'desc')
    .orderBy('devices.id')
    .limit(limit);
  if (roles !== undefined) query = query.where('people.role', 'in', roles);
  const ways: Way[] = [];
  for (const { id, person, role } of await query.execute()) {
    const address = await lastAddress(db, id);
    const facts = await loadFacts(db, { device: id, session: undefined, address, timezone });
    if (facts !== undefined) ways.push({ person, role, facts: { ...facts, session: signedInAt(at) } });
  }
  return ways;
}

/** Of the newest grant that is kept; a device without one is taken to be on the controller's own network. */
async function lastAddress(db: Db, device: string): Promise<string> {
  const row = await db
    .selectFrom('grants')
    .select('from_address')
    .where('device_id', '=', device)
    .where('from_address', 'is not', null)
    .orderBy('issued_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.from_address ?? '127.0.0.1';
}
