/** The description that `apply` takes: what `apply` of it would find the same. */
import type { Bundle } from '#shared/contracts/admin-objects.ts';
import { loadApps } from '../grants/load-facts.ts';
import { readStoredPosture } from '../posture/posture-settings.ts';
import { versionInForce } from '../publishing/version-files.ts';
import type { Db } from '../store/open-store.ts';
import { showGroups } from './show-people.ts';

export async function exportBundle(db: Db): Promise<Bundle> {
  const posture = await readStoredPosture(db);
  const version = await versionInForce(db);
  return {
    sites: await db.selectFrom('sites').select(['id', 'name']).orderBy('id').execute(),
    groups: await showGroups(db),
    appGroups: await db.selectFrom('app_groups').select(['id', 'name']).orderBy('id').execute(),
    apps: await loadApps(db),
    ...(posture === undefined ? {} : { posture }),
    ...(version === undefined ? {} : { policies: [...version.files], policyTests: [...version.tests] }),
  };
}
