/** What was fixed when the controller was first started; it never changes, so that names in certificates stay true. */
import { PosternError } from '#shared/base/errors.ts';
import type { Db, Trx } from './open-store.ts';

export interface Settings {
  readonly organisation: string;
  readonly trustDomain: string;
  /** IANA name; policies see the time of day by it. */
  readonly timezone: string;
  /** The id in this controller's own certificate. */
  readonly controllerId: string;
}

const keys = {
  organisation: 'organisation',
  trustDomain: 'trust_domain',
  timezone: 'timezone',
  controllerId: 'controller_id',
};

/** Undefined for a store that was never initialised. */
export async function findSettings(db: Db): Promise<Settings | undefined> {
  const rows = await db.selectFrom('meta').selectAll().where('key', 'in', Object.values(keys)).execute();
  if (rows.length === 0) return undefined;
  const value = (key: string): string => {
    const found = rows.find((row) => row.key === key)?.value;
    if (found === undefined) throw new PosternError('internal', `the store lacks the setting ${key}`);
    return found;
  };
  return {
    organisation: value(keys.organisation),
    trustDomain: value(keys.trustDomain),
    timezone: value(keys.timezone),
    controllerId: value(keys.controllerId),
  };
}

/** Throws `invalid-config` for a store that was never initialised. */
export async function readSettings(db: Db): Promise<Settings> {
  const settings = await findSettings(db);
  if (settings === undefined) {
    throw new PosternError('invalid-config', 'this store is empty: run "postern-controller init" first');
  }
  return settings;
}

/** Refused by the primary key when settings are already there. */
export async function writeSettings(trx: Trx, settings: Settings): Promise<void> {
  const rows = Object.entries(keys).map(([name, key]) => ({ key, value: settings[name as keyof Settings] }));
  await trx.insertInto('meta').values(rows).execute();
}
