/** Who can reach what at this moment: by the version in force, the groups, the devices in service and the facts about them that are held now. */

import { PosternError } from '#shared/base/errors.ts';
import type { FrozenRight } from '#shared/log/check-review.ts';
import { type KnownPerson, loadPeople } from '../analysis/load-people.ts';
import { partRequest } from '../analysis/part-request.ts';
import { PolicyVersions } from '../analysis/policy-versions.ts';
import type { OnProgress } from '../analysis/replay.ts';
import { whoCan } from '../analysis/who-can.ts';
import { loadApps } from '../grants/load-facts.ts';
import { readPostureSettings } from '../posture/posture-settings.ts';
import type { Db } from '../store/open-store.ts';

export type RightHeld = Omit<FrozenRight, 'row' | 'lastUsed' | 'since'>;

export interface RightsNow {
  readonly epoch: number;
  readonly rights: readonly RightHeld[];
  /** Everybody who is not gone and was asked about. */
  readonly people: ReadonlyMap<string, KnownPerson>;
  readonly apps: ReadonlySet<string>;
}

export interface RightsWanted {
  readonly apps?: readonly string[] | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly people?: readonly string[] | undefined;
  /** IANA name. */
  readonly timezone: string;
  readonly at: number;
}

/** Of documentation (RFC 5737): in no range that means somewhere. Where it matters it is a condition. */
const anywhere = '192.0.2.1';

/** All of it is read in one transaction of `db`. Throws `conflict` when the version in force cannot be read. */
export async function rightsNow(db: Db, wanted: RightsWanted, onProgress: OnProgress = () => {}): Promise<RightsNow> {
  return db.transaction().execute(async (trx) => {
    const row = await trx.selectFrom('policy_versions').select('epoch').where('in_force', '=', 1).executeTakeFirst();
    const epoch = row?.epoch ?? 0;
    const version = await new PolicyVersions(trx).load(epoch);
    if (version === 'gone') {
      const tell = `The policy version ${epoch} cannot be read: it denies everything.`;
      throw new PosternError('conflict', tell, { tell });
    }
    const known: KnownPerson[] = [];
    const { people, groups, timezone, at } = wanted;
    for await (const page of loadPeople(trx, { people, address: anywhere, timezone }))
      for (const one of page.people)
        if (groups === undefined || one.person.groups?.some((id) => groups.includes(id))) known.push(one);
    const all = await loadApps(trx);
    const apps = all.filter(({ id }) => wanted.apps === undefined || wanted.apps.includes(id));
    const { checks } = await readPostureSettings(trx);
    const rights: RightHeld[] = [];
    const page = { people: known, done: known.length, total: known.length };
    for (const [done, app] of apps.entries()) {
      async function* pages() {
        yield page;
      }
      const order = { app, part: partRequest(app, {}), at, checks };
      const { can } = await whoCan(pages(), order, { inForce: version.set, draft: undefined });
      for (const { person, devices } of can) {
        const together = <T>(of: (one: (typeof devices)[number]) => readonly T[]) => [...new Set(devices.flatMap(of))];
        rights.push({
          ...{ person, app: app.id, devices: devices.length },
          policies: together((one) => one.policies).sort(),
          groups: together((one) => one.groups).sort(),
          conditions: together((one) => one.conditions.map(({ text }) => text)).sort(),
        });
      }
      await onProgress(done + 1, apps.length);
    }
    rights.sort((a, b) => compare(a.person, b.person) || compare(a.app, b.app));
    return {
      epoch,
      rights,
      people: new Map(known.map((one) => [one.person.id, one])),
      apps: new Set(apps.map(({ id }) => id)),
    };
  });
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
