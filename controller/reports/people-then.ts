/** The people of a moment with the newest facts about their devices that were on record by then: what who-can asks about. */

import { day } from '#shared/base/clock.ts';
import type { KnownDevice, PeoplePage } from '../analysis/load-people.ts';
import { tryRecord } from '../log/read-row.ts';
import type { Facts } from '../policy/facts.ts';
import type { Db } from '../store/open-store.ts';
import { groupsThen, type PersonThen, type WorldThen } from './world-then.ts';

export interface PeopleThen {
  readonly page: PeoplePage;
  /** Why nothing can be told of them. */
  readonly undetermined: ReadonlyMap<string, string>;
  /** When the facts used for a device were taken. */
  readonly factsAt: ReadonlyMap<string, number>;
}

/** Decisions looked at for each person. */
const mostDecisions = 100;

export async function peopleThen(db: Db, world: WorldThen, at: number): Promise<PeopleThen> {
  const undetermined = new Map<string, string>();
  const factsAt = new Map<string, number>();
  const people: { person: Facts['person']; devices: KnownDevice[] }[] = [];
  const states = await deviceStates(db, at);
  for (const one of [...world.people.values()].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    // Nothing permits anything to these.
    if (one.state !== 'active') continue;
    const snapshots = await newestFacts(db, one, at);
    const known = groupsThen(world, one.id);
    const groups = 'why' in known ? await groupsOnRecord(db, snapshots[0], at) : known;
    if (groups === undefined) {
      undetermined.set(one.id, 'why' in known ? known.why : 'their groups could not be read');
      continue;
    }
    const devices: KnownDevice[] = [];
    for (const { time, facts } of snapshots) {
      const state = states.get(facts.device.id) ?? facts.device.state;
      if (state !== 'active') continue;
      factsAt.set(facts.device.id, time);
      // A certificate renews itself, and whoever is not signed in can sign in: who-can supposes that.
      const device = { ...facts.device, state, certificateEndsAt: Math.max(facts.device.certificateEndsAt, at + day) };
      const then = { ...facts, person: { ...one, groups }, device, session: null };
      devices.push({ facts: then, lastSession: facts.session });
    }
    if (devices.length === 0) {
      if (await hadDevice(db, one.id, at))
        undetermined.set(one.id, 'no facts about a device of theirs are on record by then');
      continue;
    }
    people.push({ person: { ...one, groups }, devices });
  }
  return { page: { people, done: people.length, total: people.length }, undetermined, factsAt };
}

/** Of each device of the person, from the decisions before the moment. */
async function newestFacts(db: Db, person: PersonThen, at: number): Promise<{ time: number; facts: Facts }[]> {
  const rows = await db
    .selectFrom('records')
    .select(['time', 'leaf', 'disclosures'])
    .where('person_id', '=', person.id)
    .where('kind', '=', 'grant')
    .where('time', '<=', at)
    .orderBy('position', 'desc')
    .limit(mostDecisions)
    .execute();
  const found = new Map<string, { time: number; facts: Facts }>();
  for (const row of rows) {
    // Facts of another decision serve as well: how old they are is told.
    const read = tryRecord(row);
    const { device, facts: id } = typeof read === 'string' ? {} : read;
    if (id === undefined || device === undefined || found.has(device)) continue;
    const snapshot = await db.selectFrom('fact_snapshots').select('facts').where('id', '=', id).executeTakeFirst();
    if (snapshot === undefined) continue;
    const facts = JSON.parse(snapshot.facts) as Facts;
    if (facts.v === 1) found.set(device, { time: row.time, facts });
  }
  return [...found.values()];
}

/** Those of the newest decision, where nobody changed any between it and the moment. */
async function groupsOnRecord(
  db: Db,
  newest: { time: number; facts: Facts } | undefined,
  at: number,
): Promise<readonly string[] | undefined> {
  if (newest === undefined) return undefined;
  const changed = await db
    .selectFrom('records')
    .select('id')
    .where('kind', '=', 'admin')
    .where('event', 'in', [
      'applied',
      'group-added',
      'group-changed',
      'group-removed',
      'person-added',
      'person-changed',
    ])
    .where('time', '>=', newest.time)
    .where('time', '<=', at)
    .limit(1)
    .executeTakeFirst();
  return changed === undefined ? (newest.facts.person.groups ?? undefined) : undefined;
}

async function hadDevice(db: Db, person: string, at: number): Promise<boolean> {
  const row = await db
    .selectFrom('devices')
    .select('id')
    .where('person_id', '=', person)
    .where('enrolled_at', '<=', at)
    .executeTakeFirst();
  return row !== undefined;
}

/** As the last record before the moment says. */
export async function deviceStates(db: Db, at: number): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom('records')
    .select(['event', 'device_id'])
    .where('kind', '=', 'device')
    .where('event', 'in', ['set-active', 'set-pending', 'set-suspended', 'set-gone'])
    .where('device_id', 'is not', null)
    .where('time', '<=', at)
    .orderBy('position')
    .execute();
  return new Map(rows.map(({ event, device_id: id }) => [id!, event!.slice('set-'.length)]));
}
