/**
 * Which policy version lets an owner in again (P6): the newest under which they could use something, on a device as good as any can
 * be, just signed in. Nothing is granted by this; it only chooses.
 */
import { hour } from '#shared/base/clock.ts';
import { appFacts, loadApps } from '../grants/load-facts.ts';
import { readEffectiveGroups } from '../identity/read-groups.ts';
import { compilePolicies } from '../policy/compile-policies.ts';
import { couldAllow } from '../policy/decide-partly.ts';
import type { AppFacts, Facts } from '../policy/facts.ts';
import { bestPosture, goodFact } from '../policy/good-device.ts';
import type { PolicyDraft } from '../policy/judge-draft.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import { signedInAt } from '../policy/supposed-session.ts';
import { readPostureSettings } from '../posture/posture-settings.ts';
import type { Db } from '../store/open-store.ts';
import { loadKnown } from './load-known.ts';
import { readVersion } from './version-files.ts';

export interface WayIn extends PolicyDraft {
  readonly epoch: number;
}

export interface WayInOrder {
  readonly person: string;
  readonly timezone: string;
  readonly at: number;
}

/** How many versions are tried; each is compiled anew. */
const mostTried = 100;

/** `inForce`: the set in force lets them in already. Undefined when no version does. */
export async function findWayIn(
  db: Db,
  set: PolicySet | undefined,
  order: WayInOrder,
): Promise<'in-force' | WayIn | undefined> {
  const facts = await supposeGoodDevice(db, order);
  const apps = (await loadApps(db)).map(appFacts);
  const letsIn = (policies: PolicySet) => apps.some((app) => canUse(policies, facts, app, order.at));
  if (set !== undefined && letsIn(set)) return 'in-force';
  const rows = await db
    .selectFrom('policy_versions')
    .select(['epoch', 'files', 'tests'])
    .where('in_force', '=', 0)
    .orderBy('epoch', 'desc')
    .limit(mostTried)
    .execute();
  const known = await loadKnown(db);
  for (const { epoch, ...stored } of rows) {
    const draft = readVersion(stored);
    // Names in it that are gone make it a version that cannot be published again.
    const { set: compiled } = compilePolicies(draft.files, epoch, known);
    if (compiled !== undefined && letsIn(compiled)) return { epoch, ...draft };
  }
  return undefined;
}

function canUse(policies: PolicySet, facts: Facts, app: AppFacts, at: number): boolean {
  const act = app.kind === 'http' ? 'request' : 'connect';
  return couldAllow(policies, { facts, app, act, at }).verdict === 'allow';
}

async function supposeGoodDevice(db: Db, { person: id, timezone, at }: WayInOrder): Promise<Facts> {
  const person = await db.selectFrom('people').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  const groups = await readEffectiveGroups(db, id);
  const device = await db
    .selectFrom('devices')
    .select(['os', 'ownership'])
    .where('person_id', '=', id)
    .orderBy('enrolled_at', 'desc')
    .executeTakeFirst();
  const { checks } = await readPostureSettings(db);
  return {
    v: 1,
    person: {
      id,
      name: person.name,
      role: person.role,
      state: 'active',
      risk: person.risk,
      groups: groups.ok ? groups.groups : null,
    },
    device: {
      id: 'dev_supposed',
      state: 'active',
      ownership: device?.ownership ?? 'unknown',
      certificateEndsAt: at + hour,
      posture: bestPosture(at, device?.os),
      checks: Object.fromEntries(checks.map((check) => [check.id, goodFact(true, at)])),
    },
    session: signedInAt(at),
    network: { address: '127.0.0.1' },
    timezone,
  };
}
