/** Reads what policies and tests may name (P8). */
import type { Bundle } from '#shared/contracts/admin-objects.ts';
import type { App } from '#shared/contracts/app.ts';
import { loadApps } from '../grants/load-facts.ts';
import type { Known, KnownApp } from '../policy/known.ts';
import { readPostureSettings } from '../posture/posture-settings.ts';
import type { Db } from '../store/open-store.ts';
import { findSettings } from '../store/settings.ts';

/** Names of people that are gone do not count: a policy for them is a mistake, or soon will be somebody's. */
export async function loadKnown(db: Db): Promise<Known> {
  const people = await db.selectFrom('people').select('id').where('state', '!=', 'gone').execute();
  const groups = await db.selectFrom('groups').select('id').execute();
  const parents = Map.groupBy(await db.selectFrom('group_parents').selectAll().execute(), ({ group_id }) => group_id);
  const appGroups = await db.selectFrom('app_groups').select('id').execute();
  const { checks } = await readPostureSettings(db);
  return {
    people: new Set(people.map(({ id }) => id)),
    groups: new Map(groups.map(({ id }) => [id, (parents.get(id) ?? []).map(({ parent_id }) => parent_id)])),
    apps: new Map((await loadApps(db)).map((app) => [app.id, knownApp(app)])),
    appGroups: new Set(appGroups.map(({ id }) => id)),
    checks: new Set(checks.map(({ id }) => id)),
    timezone: (await findSettings(db))?.timezone ?? 'UTC',
  };
}

/** Upstreams and pins are nobody's business who tests policies. */
function knownApp(app: App): KnownApp {
  const { id, kind, site, groups } = app;
  const common = { id, site, ...(groups === undefined ? {} : { groups }) };
  if (kind === 'tcp') return { ...common, kind };
  const { hosts, operations, allowSpellings } = app;
  return {
    ...common,
    kind,
    hosts,
    ...(operations === undefined ? {} : { operations }),
    ...(allowSpellings === undefined ? {} : { allowSpellings }),
  };
}

/** What will be known once a description has been applied. */
export function knownWith(known: Known, { groups = [], apps = [], appGroups = [], posture }: Partial<Bundle>): Known {
  return {
    ...known,
    groups: new Map([...known.groups, ...groups.map(({ id, parents = [] }) => [id, parents] as const)]),
    apps: new Map([...known.apps, ...apps.map((app) => [app.id, knownApp(app)] as const)]),
    appGroups: new Set([...known.appGroups, ...appGroups.map(({ id }) => id)]),
    checks: posture === undefined ? known.checks : new Set((posture.checks ?? []).map(({ id }) => id)),
  };
}
