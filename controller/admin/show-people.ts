/** People and groups as administrators see them. */

import type { Static } from 'typebox';
import { PosternError } from '#shared/base/errors.ts';
import type { groupShown, PersonState, personShown, Role } from '#shared/contracts/admin-objects.ts';
import type { Db } from '../store/open-store.ts';
import type { Tables } from '../store/tables.ts';

export type PersonShown = Static<typeof personShown>;
export type GroupShown = Static<typeof groupShown>;

/** All, or one: a few queries whatever their number. */
export async function showPeople(db: Db, now: number, only?: string): Promise<PersonShown[]> {
  let query = db.selectFrom('people').selectAll().orderBy('id');
  if (only !== undefined) query = query.where('id', '=', only);
  const people = await query.execute();
  const members = await db.selectFrom('group_members').selectAll().orderBy('group_id').execute();
  const factors = await db.selectFrom('factors').select(['person_id', 'kind']).where('state', '=', 'active').execute();
  const devices = await db.selectFrom('devices').select('person_id').where('state', '!=', 'gone').execute();
  const sessions = await db
    .selectFrom('sessions')
    .select('person_id')
    .where('state', '=', 'live')
    .where('ends_at', '>', now)
    .execute();
  const of = <R extends { person_id: string }>(rows: readonly R[]) => Map.groupBy(rows, (row) => row.person_id);
  const [groupsOf, factorsOf, devicesOf, sessionsOf] = [of(members), of(factors), of(devices), of(sessions)];
  return people.map((row) => ({
    ...plainPerson(row),
    groups: (groupsOf.get(row.id) ?? []).map(({ group_id }) => group_id),
    factors: [...new Set((factorsOf.get(row.id) ?? []).map(({ kind }) => kind))].sort(),
    devices: devicesOf.get(row.id)?.length ?? 0,
    sessions: sessionsOf.get(row.id)?.length ?? 0,
  }));
}

/** Throws `not-found`. */
export async function showPerson(db: Db, now: number, id: string): Promise<PersonShown> {
  const [person] = await showPeople(db, now, id);
  if (person === undefined) throw nobody(id);
  return person;
}

export function nobody(id: string): PosternError {
  return new PosternError('not-found', `there is no person ${id}`, { tell: 'There is no such person.' });
}

function plainPerson(row: Tables['people']) {
  const { id, name, email, role, state, risk, created_at, last_sign_in_at } = row;
  return {
    id,
    name,
    ...(email === null ? {} : { email }),
    role: role as Role,
    state: state as PersonState,
    risk,
    createdAt: created_at,
    ...(last_sign_in_at === null ? {} : { lastSignInAt: last_sign_in_at }),
  };
}

export async function showGroups(db: Db, only?: string): Promise<GroupShown[]> {
  let query = db.selectFrom('groups').select(['id', 'name']).orderBy('id');
  if (only !== undefined) query = query.where('id', '=', only);
  const groups = await query.execute();
  const members = await db.selectFrom('group_members').selectAll().orderBy('person_id').execute();
  const parents = await db.selectFrom('group_parents').selectAll().orderBy('parent_id').execute();
  const membersOf = Map.groupBy(members, (row) => row.group_id);
  const parentsOf = Map.groupBy(parents, (row) => row.group_id);
  return groups.map(({ id, name }) => ({
    id,
    name,
    members: (membersOf.get(id) ?? []).map(({ person_id }) => person_id),
    parents: (parentsOf.get(id) ?? []).map(({ parent_id }) => parent_id),
  }));
}

/** Throws `not-found`. */
export async function showGroup(db: Db, id: string): Promise<GroupShown> {
  const [group] = await showGroups(db, id);
  if (group === undefined) throw new PosternError('not-found', `no group ${id}`, { tell: 'There is no such group.' });
  return group;
}
