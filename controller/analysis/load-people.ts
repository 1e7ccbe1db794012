/**
 * The facts of many people at once, as `loadFacts` would read them one by one: a page of people in a handful of statements.
 * A person without a device in service comes with none.
 */
import { plainAddress } from '#shared/base/plain-address.ts';
import type { Facts } from '../policy/facts.ts';
import { type PostureRow, shapePosture } from '../posture/load-posture.ts';
import { readPostureSettings } from '../posture/posture-settings.ts';
import type { Db } from '../store/open-store.ts';
import type { Tables } from '../store/tables.ts';
import { GroupGraph } from './group-graph.ts';

export interface PeopleWanted {
  /** Effective members of this group; all people unless told. */
  readonly group?: string | undefined;
  readonly people?: readonly string[] | undefined;
  /** The network address that all are supposed to ask from. */
  readonly address: string;
  /** IANA name. */
  readonly timezone: string;
}

export interface KnownDevice {
  /** Its session is the live one; null when nobody is signed in. */
  readonly facts: Facts;
  /** The newest session it had, whether it lives or not. */
  readonly lastSession: Facts['session'];
}

export interface KnownPerson {
  readonly person: Facts['person'];
  /** In service; the one last seen first. */
  readonly devices: readonly KnownDevice[];
}

export interface PeoplePage {
  readonly people: readonly KnownPerson[];
  readonly done: number;
  readonly total: number;
}

const pageSize = 200;

/** People who are not gone, by their ids. */
export async function* loadPeople(db: Db, wanted: PeopleWanted): AsyncGenerator<PeoplePage> {
  const graph = await GroupGraph.load(db);
  const settings = await readPostureSettings(db);
  const rows = await db
    .selectFrom('people')
    .select(['id', 'name', 'role', 'state', 'risk'])
    .where('state', '!=', 'gone')
    .orderBy('id')
    .execute();
  const only = wanted.people === undefined ? undefined : new Set(wanted.people);
  const chosen = rows
    .map(({ id, name, role, state, risk }) => ({ id, name, role, state, risk, groups: graph.groupsOf(id) }))
    .filter(({ id, groups }) => {
      const isMember = wanted.group === undefined || groups === null || groups.includes(wanted.group);
      return isMember && (only === undefined || only.has(id));
    });
  for (let at = 0; at < chosen.length; at += pageSize) {
    const page = chosen.slice(at, at + pageSize);
    const devices = await loadDevices(
      db,
      page.map(({ id }) => id),
    );
    const shape = (person: Facts['person'], found: FoundDevice): KnownDevice => {
      const { device, posture, session, isLive } = found;
      const facts: Facts = {
        v: 1,
        person,
        device: {
          id: device.id,
          state: device.state,
          ownership: device.ownership,
          certificateEndsAt: device.certificate_ends_at,
          ...shapePosture(posture, settings),
        },
        session: isLive ? session : null,
        network: { address: plainAddress(wanted.address) },
        timezone: wanted.timezone,
      };
      return { facts, lastSession: session };
    };
    const people = page.map((person) => ({
      person,
      devices: (devices.get(person.id) ?? []).map((found) => shape(person, found)),
    }));
    yield { people, done: Math.min(at + pageSize, chosen.length), total: chosen.length };
  }
}

interface FoundDevice {
  readonly device: Pick<Tables['devices'], 'id' | 'person_id' | 'state' | 'ownership' | 'certificate_ends_at'>;
  readonly posture: readonly PostureRow[];
  readonly session: Facts['session'];
  readonly isLive: boolean;
}

async function loadDevices(db: Db, people: readonly string[]): Promise<Map<string, FoundDevice[]>> {
  const devices = await db
    .selectFrom('devices')
    .select(['id', 'person_id', 'state', 'ownership', 'certificate_ends_at'])
    .where('person_id', 'in', people)
    .where('state', '=', 'active')
    .orderBy('last_seen_at', 'desc')
    .orderBy('enrolled_at', 'desc')
    .execute();
  if (devices.length === 0) return new Map();
  const ids = devices.map(({ id }) => id);
  const posture = await db
    .selectFrom('posture_facts')
    .select(['device_id', 'fact', 'value', 'status', 'source', 'measured_at'])
    .where('device_id', 'in', ids)
    .orderBy('fact')
    .execute();
  const postureOf = Map.groupBy(posture, (row) => row.device_id);
  const sessions = await loadSessions(db, ids);
  const found = devices.map((device): FoundDevice => {
    const { session = null, isLive = false } = sessions.get(`${device.id} ${device.person_id}`) ?? {};
    return { device, posture: postureOf.get(device.id) ?? [], session, isLive };
  });
  return Map.groupBy(found, ({ device }) => device.person_id);
}

/** The live one of each device and person, else the newest. */
async function loadSessions(
  db: Db,
  devices: readonly string[],
): Promise<Map<string, { session: NonNullable<Facts['session']>; isLive: boolean }>> {
  const rows = await db
    .selectFrom('sessions')
    .select(['id', 'person_id', 'device_id', 'state', 'methods', 'started_at', 'ends_at', 'second_factor_at'])
    .where('device_id', 'in', devices)
    .orderBy('started_at')
    .execute();
  const sessions = new Map<string, { session: NonNullable<Facts['session']>; isLive: boolean }>();
  for (const row of rows) {
    const key = `${row.device_id} ${row.person_id}`;
    const isLive = row.state === 'live';
    if (!isLive && sessions.get(key)?.isLive) continue;
    const session = {
      id: row.id,
      methods: JSON.parse(row.methods) as string[],
      startedAt: row.started_at,
      endsAt: row.ends_at,
      secondFactorAt: row.second_factor_at,
    };
    sessions.set(key, { session, isLive });
  }
  return sessions;
}
