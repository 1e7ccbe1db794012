/**
 * People, groups and apps as they were at a moment: as they are now, with every recorded change since taken back, the newest first. What a
 * record does not say any more (or never said) is not guessed: the thing is `unknown` then.
 */

import type { App } from '#shared/contracts/app.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { loadApps } from '../grants/load-facts.ts';
import type { Db } from '../store/open-store.ts';
import { eachRecord, type UnreadableRecord } from './each-record.ts';

export interface PersonThen {
  readonly id: string;
  name: string;
  role: string;
  state: string;
  risk: number;
}

interface GroupThen {
  members: Set<string>;
  parents: Set<string>;
}

export interface WorldThen {
  readonly people: Map<string, PersonThen>;
  readonly groups: Map<string, GroupThen>;
  readonly apps: Map<string, App>;
  /** `person alice`, `group staff`, `app wiki`, each with why. */
  readonly unknown: Map<string, string>;
  /** Changes since then that cannot be read. */
  readonly unreadable: UnreadableRecord[];
}

const kept = ['group-added', 'group-changed', 'group-removed', 'person-added', 'person-changed'];
const stateful = ['set-active', 'set-suspended', 'set-gone'];
const ofApps = ['app-added', 'app-changed', 'app-removed'];

export async function worldThen(db: Db, at: number): Promise<WorldThen> {
  const world = await worldNow(db);
  const later: (AccessRecord | UnreadableRecord)[] = [];
  const onUnreadable = (one: UnreadableRecord) => void later.push(one);
  const period = { from: at + 1, to: Number.MAX_SAFE_INTEGER, kinds: ['admin'], onUnreadable } as const;
  for await (const record of eachRecord(db, period)) later.push(record);
  for (const one of later.reverse()) {
    if ('record' in one) takeBackUnreadable(world, one);
    else takeBack(world, one);
  }
  await setStates(db, world, at);
  return world;
}

async function worldNow(db: Db): Promise<WorldThen> {
  const people = await db.selectFrom('people').select(['id', 'name', 'role', 'state', 'risk']).execute();
  const groups = new Map<string, GroupThen>();
  for (const { id } of await db.selectFrom('groups').select('id').execute())
    groups.set(id, { members: new Set(), parents: new Set() });
  for (const row of await db.selectFrom('group_members').selectAll().execute())
    groups.get(row.group_id)?.members.add(row.person_id);
  for (const row of await db.selectFrom('group_parents').selectAll().execute())
    groups.get(row.group_id)?.parents.add(row.parent_id);
  const apps = new Map((await loadApps(db)).map((app) => [app.id, app]));
  const known = new Map(people.map((row) => [row.id, { ...row }]));
  return { people: known, groups, apps, unknown: new Map(), unreadable: [] };
}

/** It may have been a change of anything. */
function takeBackUnreadable({ apps, unknown, unreadable }: WorldThen, one: UnreadableRecord): void {
  const { record, time } = one;
  unreadable.push(one);
  const why = `the record ${record} of ${new Date(time).toISOString()} cannot be read`;
  unknown.set('group *', why);
  for (const id of apps.keys()) unknown.set(`app ${id}`, why);
}

type Told = Readonly<Record<string, unknown>>;

function takeBack(world: WorldThen, record: AccessRecord): void {
  const { event = '', person, app, details = {} } = record;
  if (record.verdict === 'deny') return;
  const when = new Date(record.time).toISOString();
  if (event === 'applied') {
    takeBackApplied(world, details, when);
    return;
  }
  if (stateful.includes(event)) {
    if (event === 'set-gone' && person !== undefined) takeBackGoing(world, person, details['groups'], when);
    return;
  }
  if (ofApps.includes(event)) {
    if (app === undefined) return;
    takeBackApp(world, app, event === 'app-added' ? null : (details['before'] as App | undefined), when);
    return;
  }
  if (!kept.includes(event)) return;
  const before = (event.endsWith('-added') ? null : details['before']) as Told | null | undefined;
  if (event.startsWith('group')) {
    const id = (details['group'] ?? (details['after'] as Told | undefined)?.['id']) as string | undefined;
    if (id === undefined) world.unknown.set('group *', `what changed at ${when} was erased`);
    else takeBackGroup(world, id, before, when);
  } else if (person !== undefined) takeBackPerson(world, person, before, when);
  // Whoever was erased is in no report: that they were changed says nothing of others.
}

/** Whoever goes leaves their groups. */
function takeBackGoing({ groups, unknown }: WorldThen, person: string, left: unknown, when: string): void {
  if (!Array.isArray(left)) unknown.set(`person ${person}`, `the groups that they left at ${when} are not on record`);
  else for (const id of left as string[]) groups.get(id)?.members.add(person);
}

function takeBackApplied(world: WorldThen, details: Told, when: string): void {
  const changed = details['things'] as { what: 'group' | 'app'; id: string; before: Told | null }[] | undefined;
  if (changed === undefined) {
    world.unknown.set('group *', `what was applied at ${when} is not recorded in full, or was erased`);
    return;
  }
  for (const { what, id, before } of changed) {
    if (what === 'group') takeBackGroup(world, id, before, when);
    else takeBackApp(world, id, before as App | null, when);
  }
}

/** `before` null: it was not there. */
function takeBackGroup({ groups, unknown }: WorldThen, id: string, before: Told | null | undefined, when: string) {
  unknown.delete(`group ${id}`);
  if (before === null) groups.delete(id);
  else if (before === undefined) unknown.set(`group ${id}`, `who was in it before ${when} was erased`);
  else
    groups.set(id, {
      members: new Set(before['members'] as string[]),
      parents: new Set(before['parents'] as string[]),
    });
}

function takeBackApp({ apps, unknown }: WorldThen, id: string, before: App | null | undefined, when: string): void {
  unknown.delete(`app ${id}`);
  if (before === null) apps.delete(id);
  else if (before === undefined) unknown.set(`app ${id}`, `what it was before ${when} is not recorded any more`);
  else apps.set(id, before);
}

function takeBackPerson(world: WorldThen, id: string, before: Told | null | undefined, when: string): void {
  world.unknown.delete(`person ${id}`);
  const leave = () => {
    for (const group of world.groups.values()) group.members.delete(id);
  };
  if (before === null) {
    world.people.delete(id);
    leave();
  } else if (before === undefined) world.unknown.set(`person ${id}`, `what they were before ${when} was erased`);
  else {
    const { name, role, state, risk, groups } = before as unknown as PersonThen & { groups: string[] };
    world.people.set(id, { id, name, role, state, risk });
    leave();
    for (const group of groups) world.groups.get(group)?.members.add(id);
  }
}

/** The state of a person is what the last record before says; nobody begins as anything but active. */
async function setStates(db: Db, world: WorldThen, at: number): Promise<void> {
  const rows = await db
    .selectFrom('records')
    .select(['event', 'person_id', 'time'])
    .where('kind', '=', 'admin')
    .where('event', 'in', stateful)
    .where('person_id', 'is not', null)
    .orderBy('position')
    .execute();
  const moved = new Map<string, string>();
  for (const { event, person_id: id, time } of rows) {
    if (time <= at) moved.set(id!, event!.slice('set-'.length));
    else if (!moved.has(id!)) moved.set(id!, event === 'set-active' ? 'suspended' : 'active');
  }
  for (const [id, state] of moved) {
    const person = world.people.get(id);
    if (person !== undefined) person.state = state;
  }
}

/** All groups of a person with those above them, sorted; what is not known of them instead. */
export function groupsThen({ groups, unknown }: WorldThen, person: string): readonly string[] | { why: string } {
  const why = unknown.get(`person ${person}`) ?? unknown.get('group *');
  if (why !== undefined) return { why };
  for (const [name, reason] of unknown) if (name.startsWith('group ')) return { why: `${name}: ${reason}` };
  const found = new Set([...groups].filter(([, { members }]) => members.has(person)).map(([id]) => id));
  for (const id of found) for (const parent of groups.get(id)?.parents ?? []) found.add(parent);
  return [...found].sort();
}
