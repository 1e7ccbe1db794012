/** Validates policy files against the schema and against the names that exist (P8). Changes nothing. */
import { type Compiled, compilePolicies, type KnownNames } from '../policy/compile-policies.ts';
import type { PolicyFile } from '../policy/parse-policies.ts';
import type { Db } from '../store/open-store.ts';

export async function validateFiles(db: Db, files: readonly PolicyFile[], epoch = 0): Promise<Compiled> {
  return compilePolicies(files, epoch, await readKnownNames(db));
}

/** Names of people that are gone do not count: a policy for them is a mistake, or soon will be somebody's. */
async function readKnownNames(db: Db): Promise<KnownNames> {
  const [people, groups, apps, appGroups] = [
    await db.selectFrom('people').select('id').where('state', '!=', 'gone').execute(),
    await db.selectFrom('groups').select('id').execute(),
    await db.selectFrom('apps').select('id').execute(),
    await db.selectFrom('app_groups').select('id').execute(),
  ];
  const ids = (rows: readonly { id: string }[]) => new Set(rows.map(({ id }) => id));
  return { people: ids(people), groups: ids(groups), apps: ids(apps), appGroups: ids(appGroups) };
}
