/** When a right was last used, and since when somebody has it, as far as either is on record. */

import type { AccessRecord } from '#shared/contracts/record.ts';
import { GroupGraph } from '../analysis/group-graph.ts';
import { eachRecord, type UnreadableRecord } from '../reports/each-record.ts';
import type { Db } from '../store/open-store.ts';
import type { RightHeld } from './rights-now.ts';

export interface RightTimes {
  readonly lastUsed?: number;
  readonly since?: number;
}

/** The same order as `rights`. */
export async function timesOfRights(db: Db, rights: readonly RightHeld[]): Promise<RightTimes[]> {
  const used = await lastUses(db);
  const came = await whenAdded(db);
  const policies = await policiesSince(db);
  const { joined, unreadableAt } = await joinedSince(db);
  const graph = await GroupGraph.load(db);
  return rights.map((right) => {
    const { person, app } = right;
    const memberships = [...(joined.get(person) ?? [])].filter(([group]) =>
      right.groups.some((id) => graph.aboveOf(group).has(id)),
    );
    const parts = [
      came.people.get(person),
      came.apps.get(app),
      least(right.policies.flatMap((name) => policies.get(name) ?? [])),
      least(memberships.map(([, at]) => at)),
    ].filter((at) => at !== undefined);
    const lastUsed = used.get(JSON.stringify([person, app]));
    const since = Math.max(...parts);
    return {
      ...(lastUsed === undefined ? {} : { lastUsed }),
      // What cannot be read may have taken it away, or given it, since then.
      ...(parts.length === 0 || since < unreadableAt ? {} : { since }),
    };
  });
}

const least = (times: readonly number[]): number | undefined => (times.length === 0 ? undefined : Math.min(...times));

async function lastUses(db: Db): Promise<Map<string, number>> {
  const rows = await db
    .selectFrom('records')
    .select((eb) => ['person_id', 'app_id', eb.fn.max<number>('time').as('last')])
    .where('kind', '=', 'access')
    .where('verdict', '=', 'allow')
    .where('person_id', 'is not', null)
    .groupBy(['person_id', 'app_id'])
    .execute();
  return new Map(rows.map(({ person_id, app_id, last }) => [JSON.stringify([person_id, app_id]), last]));
}

async function whenAdded(db: Db) {
  const people = await db.selectFrom('people').select(['id', 'created_at']).execute();
  const apps = await db.selectFrom('apps').select(['id', 'created_at']).execute();
  const times = (rows: readonly { id: string; created_at: number }[]) =>
    new Map(rows.map((row) => [row.id, row.created_at]));
  return { people: times(people), apps: times(apps) };
}

/** Of each policy in the newest version the time from which on every version had one of this name. */
async function policiesSince(db: Db): Promise<Map<string, number>> {
  const rows = await db.selectFrom('policy_versions').select(['names', 'at']).orderBy('epoch').execute();
  let since = new Map<string, number>();
  for (const { names, at } of rows) {
    if (names === null) continue;
    const known = since;
    since = new Map((JSON.parse(names) as string[]).map((name) => [name, known.get(name) ?? at]));
  }
  return since;
}

type Joined = Map<string, Map<string, number>>;

/** By person and group. Whoever was in a group before the log began is not in it. `unreadableAt`: of the latest change that cannot be read. */
async function joinedSince(db: Db): Promise<{ joined: Joined; unreadableAt: number }> {
  const joined: Joined = new Map();
  const note = (person: string, group: string, time: number, isIn: boolean) => {
    const own = joined.get(person) ?? new Map<string, number>();
    joined.set(person, own);
    if (isIn) own.set(group, time);
    else own.delete(group);
  };
  let unreadableAt = Number.NEGATIVE_INFINITY;
  const onUnreadable = ({ time }: UnreadableRecord) => {
    unreadableAt = Math.max(unreadableAt, time);
  };
  const period = { from: 0, to: Number.MAX_SAFE_INTEGER, kinds: ['admin'], onUnreadable } as const;
  for await (const record of eachRecord(db, period))
    for (const { person, group, isIn } of moves(record)) note(person, group, record.time, isIn);
  return { joined, unreadableAt };
}

interface Move {
  readonly person: string;
  readonly group: string;
  readonly isIn: boolean;
}

type Told = { readonly id?: string; readonly members?: readonly string[]; readonly groups?: readonly string[] } | null;

function moves({ event = '', person, verdict, details = {} }: AccessRecord): Move[] {
  if (verdict === 'deny') return [];
  const before = (details['before'] ?? null) as Told;
  const after = (details['after'] ?? null) as Told;
  if (event === 'applied') {
    const things = (details['things'] ?? []) as { what: string; id: string; before: Told; after: Told }[];
    return things.filter(({ what }) => what === 'group').flatMap((one) => ofGroup(one.id, one.before, one.after));
  }
  if (/^group-(added|changed|removed)$/.test(event)) {
    const group = (details['group'] as string | undefined) ?? after?.id;
    return group === undefined ? [] : ofGroup(group, before, after);
  }
  if (!/^person-(added|changed)$/.test(event) || person === undefined) return [];
  return differences(before?.groups, after?.groups).map(([group, isIn]) => ({ person, group, isIn }));
}

const ofGroup = (group: string, before: Told, after: Told): Move[] =>
  differences(before?.members, after?.members).map(([person, isIn]) => ({ person, group, isIn }));

function differences(before: readonly string[] = [], after: readonly string[] = []): [string, boolean][] {
  return [
    ...before.filter((one) => !after.includes(one)).map((one): [string, boolean] => [one, false]),
    ...after.filter((one) => !before.includes(one)).map((one): [string, boolean] => [one, true]),
  ];
}
