/** Reads what a decision rests on, in the transaction of the decision, so that all of it is of one moment (P13). */
import { plainAddress } from '#shared/base/plain-address.ts';
import type { App } from '#shared/contracts/app.ts';
import { readEffectiveGroups } from '../identity/read-groups.ts';
import type { AppFacts, Facts } from '../policy/facts.ts';
import { loadPosture } from '../posture/load-posture.ts';
import { readPostureSettings } from '../posture/posture-settings.ts';
import type { Db } from '../store/open-store.ts';

export interface FactsOrder {
  readonly device: string;
  /** Undefined when nobody is signed in. A session that has ended, or is another device's, counts as none. */
  readonly session: string | undefined;
  readonly address: string;
  readonly timezone: string;
}

/** Undefined when there is no such device or its person is not known. */
export async function loadFacts(db: Db, order: FactsOrder): Promise<Facts | undefined> {
  const device = await db
    .selectFrom('devices')
    .innerJoin('people', 'people.id', 'devices.person_id')
    .select(['devices.state', 'ownership', 'certificate_ends_at', 'people.id as person', 'people.name'])
    .select(['role', 'people.state as person_state', 'risk'])
    .where('devices.id', '=', order.device)
    .executeTakeFirst();
  if (device === undefined) return undefined;
  const groups = await readEffectiveGroups(db, device.person);
  const posture = await loadPosture(db, order.device, await readPostureSettings(db));
  return {
    v: 1,
    person: {
      id: device.person,
      name: device.name,
      role: device.role,
      state: device.person_state,
      risk: device.risk,
      groups: groups.ok ? groups.groups : null,
    },
    device: {
      id: order.device,
      state: device.state,
      ownership: device.ownership,
      certificateEndsAt: device.certificate_ends_at,
      ...posture,
    },
    session: order.session === undefined ? null : await loadSession(db, order.session, order.device, device.person),
    network: { address: plainAddress(order.address) },
    timezone: order.timezone,
  };
}

async function loadSession(db: Db, id: string, device: string, person: string): Promise<Facts['session']> {
  const row = await db
    .selectFrom('sessions')
    .select(['id', 'methods', 'started_at', 'ends_at', 'second_factor_at'])
    .where('id', '=', id)
    .where('state', '=', 'live')
    .where('device_id', '=', device)
    .where('person_id', '=', person)
    .executeTakeFirst();
  if (row === undefined) return null;
  return {
    id: row.id,
    methods: JSON.parse(row.methods) as string[],
    startedAt: row.started_at,
    endsAt: row.ends_at,
    secondFactorAt: row.second_factor_at,
  };
}

export async function loadApp(db: Db, id: string): Promise<App | undefined> {
  const row = await db.selectFrom('apps').select('definition').where('id', '=', id).executeTakeFirst();
  return row === undefined ? undefined : parseApp(row.definition);
}

export async function loadApps(db: Db): Promise<App[]> {
  const rows = await db.selectFrom('apps').select('definition').orderBy('id').execute();
  return rows.map(({ definition }) => parseApp(definition));
}

// Definitions are values: the same text is the same app, and its operations stay compiled.
const parsed = new Map<string, App>();

function parseApp(definition: string): App {
  let app = parsed.get(definition);
  if (app === undefined) {
    app = JSON.parse(definition) as App;
    if (parsed.size >= 10_000) parsed.clear();
    parsed.set(definition, app);
  }
  return app;
}

export function appFacts(app: App): AppFacts {
  return { id: app.id, kind: app.kind, site: app.site, groups: app.groups ?? [] };
}
