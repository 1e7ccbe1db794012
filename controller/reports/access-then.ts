/** Who could reach what at a moment: the policy version that was in force, people, groups and apps of then, facts on record by then. */
import { partRequest } from '../analysis/part-request.ts';
import { PolicyVersions } from '../analysis/policy-versions.ts';
import { whoCan } from '../analysis/who-can.ts';
import { readPostureSettings } from '../posture/posture-settings.ts';
import type { Db } from '../store/open-store.ts';
import { peopleThen } from './people-then.ts';
import { worldThen } from './world-then.ts';

export interface RightThen {
  readonly person: string;
  readonly app: string;
  readonly verdict: 'can' | 'undetermined';
  readonly device: string | null;
  readonly policies: readonly string[];
  readonly groups: readonly string[];
  readonly conditions: readonly string[];
  readonly factsAt: number | null;
  /** Of what is undetermined. */
  readonly why: string | null;
}

export interface AccessThen {
  readonly epoch: number;
  readonly rights: readonly RightThen[];
  readonly people: number;
  readonly notes: readonly string[];
}

const nothing = { device: null, policies: [], groups: [], conditions: [], factsAt: null } as const;

export async function accessThen(db: Db, at: number): Promise<AccessThen> {
  const row = await db
    .selectFrom('policy_versions')
    .select('epoch')
    .where('at', '<=', at)
    .orderBy('epoch', 'desc')
    .executeTakeFirst();
  const epoch = row?.epoch ?? 0;
  const version = await new PolicyVersions(db).load(epoch);
  const world = await worldThen(db, at);
  const { page, undetermined, factsAt } = await peopleThen(db, world, at);
  const { checks } = await readPostureSettings(db);
  const unknown = (person: string, app: string, why: string): RightThen => ({
    ...{ person, app, verdict: 'undetermined', ...nothing, why },
  });
  const rights: RightThen[] = [];
  for (const app of [...world.apps.values()].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const why =
      version === 'gone' ? `policy version ${epoch} cannot be read any more` : world.unknown.get(`app ${app.id}`);
    for (const [person, reason] of undetermined) rights.push(unknown(person, app.id, why ?? reason));
    if (why !== undefined) {
      for (const { person } of page.people) rights.push(unknown(person.id, app.id, why));
      continue;
    }
    async function* pages() {
      yield page;
    }
    const sets = { inForce: version === 'gone' ? undefined : version.set, draft: undefined };
    const { can } = await whoCan(pages(), { app, part: partRequest(app, {}), at, checks }, sets);
    for (const { person, devices } of can)
      for (const { device, policies, groups, conditions } of devices) {
        const texts = conditions.map(({ text }) => text);
        const of = { device, policies, groups, conditions: texts, factsAt: factsAt.get(device) ?? null, why: null };
        rights.push({ person, app: app.id, verdict: 'can', ...of });
      }
  }
  return {
    epoch,
    rights,
    people: world.people.size,
    notes: [
      'Everybody is taken to do what they can: sign in with every factor, put their device right, come at another time. What they must do is a condition.',
      'Checks of the organisation are those of today.',
      ...[...world.unknown].map(([what, why]) => `Not known: ${what}: ${why}.`),
    ],
  };
}
