/** Devices, sessions and grants as administrators see them. */
import type { Static } from 'typebox';
import type { deviceShown, grantShown, sessionShown } from '#shared/contracts/admin-objects.ts';
import { checkName, checkPrefix } from '#shared/contracts/posture.ts';
import { toSession } from '../identity/sessions.ts';
import { loadPosture, shownState } from '../posture/load-posture.ts';
import { type PostureSettings, readPostureSettings } from '../posture/posture-settings.ts';
import type { Db } from '../store/open-store.ts';
import type { Tables } from '../store/tables.ts';

export type DeviceShown = Static<typeof deviceShown>;

/** All, those of a person, or one. */
export async function showDevices(
  db: Db,
  now: number,
  which: { readonly id?: string | undefined; readonly person?: string | undefined },
): Promise<DeviceShown[]> {
  let query = db.selectFrom('devices').selectAll().orderBy('person_id').orderBy('enrolled_at');
  if (which.id !== undefined) query = query.where('id', '=', which.id);
  if (which.person !== undefined) query = query.where('person_id', '=', which.person);
  const settings = await readPostureSettings(db);
  const devices: DeviceShown[] = [];
  for (const row of await query.execute()) devices.push(await showDevice(db, now, settings, row));
  return devices;
}

async function showDevice(
  db: Db,
  now: number,
  settings: PostureSettings,
  row: Tables['devices'],
): Promise<DeviceShown> {
  const { posture, checks } = await loadPosture(db, row.id, settings);
  const named = [
    ...Object.entries(posture),
    ...Object.entries(checks).map(([id, fact]) => [checkName(id), fact] as const),
  ];
  const rows = await db
    .selectFrom('posture_facts')
    .select(['fact', 'detail'])
    .where('device_id', '=', row.id)
    .where('detail', 'is not', null)
    .execute();
  const details = new Map(rows.map(({ fact, detail }) => [fact, detail]));
  return {
    id: row.id,
    person: row.person_id,
    name: row.name,
    os: row.os,
    state: row.state as DeviceShown['state'],
    ownership: row.ownership as DeviceShown['ownership'],
    fingerprint: row.fingerprint,
    ...(row.serial === null ? {} : { serial: row.serial }),
    enrolledAt: row.enrolled_at,
    ...(row.last_seen_at === null ? {} : { lastSeenAt: row.last_seen_at }),
    certificateEndsAt: row.certificate_ends_at,
    posture: named.map(([fact, known]) => {
      const detail = details.get(fact);
      return {
        fact,
        value: known.value,
        state: shownState(known, now),
        source: known.source,
        at: known.measuredAt,
        ...(detail == null ? {} : { detail }),
      };
    }),
  };
}

export async function showSessions(db: Db, now: number): Promise<Static<typeof sessionShown>[]> {
  const rows = await db
    .selectFrom('sessions')
    .selectAll()
    .where('state', '=', 'live')
    .where('ends_at', '>', now)
    .orderBy('started_at')
    .execute();
  return rows.map((row) => {
    const { id, person, device, startedAt, lastActiveAt, endsAt, idle, methods } = toSession(row, now);
    return { id, person, device, startedAt, lastActiveAt, endsAt, idle, methods: [...methods] };
  });
}

export async function showGrants(db: Db, now: number): Promise<Static<typeof grantShown>[]> {
  const rows = await db.selectFrom('grants').selectAll().where('ends_at', '>', now).orderBy('issued_at').execute();
  return rows.map((row) => ({
    id: row.jti,
    person: row.person_id,
    device: row.device_id,
    session: row.session_id,
    app: row.app_id,
    issuedAt: row.issued_at,
    endsAt: row.ends_at,
    scope: row.scope as 'app' | 'request',
    epoch: row.epoch,
  }));
}

export interface Coverage {
  readonly fact: string;
  pass: number;
  fail: number;
  unknown: number;
  stale: number;
}

/** Over the active devices; a fact that a device never reported is unknown. */
export async function postureCoverage(db: Db, now: number, facts: readonly string[]): Promise<Coverage[]> {
  const settings = await readPostureSettings(db);
  const names = [...facts, ...settings.checks.map(({ id }) => checkName(id))];
  const coverage = new Map(names.map((fact) => [fact, { fact, pass: 0, fail: 0, unknown: 0, stale: 0 }]));
  const devices = await db.selectFrom('devices').select('id').where('state', '=', 'active').execute();
  for (const { id } of devices) {
    const { posture, checks } = await loadPosture(db, id, settings);
    for (const [name, counts] of coverage) {
      const fact = name.startsWith(checkPrefix) ? checks[name.slice(checkPrefix.length)] : posture[name];
      counts[fact === undefined ? 'unknown' : shownState(fact, now)] += 1;
    }
  }
  return [...coverage.values()];
}
