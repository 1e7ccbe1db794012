/** Groups: adding, changing, removing, and deciding the grants again of everyone they concern. */
import { PosternError } from '#shared/base/errors.ts';
import type { Decider } from '../grants/decider.ts';
import { redecideGrants } from '../grants/redecide.ts';
import { nextChange } from '../store/changes.ts';
import { claimName, retireName } from '../store/gone-names.ts';
import type { Trx } from '../store/open-store.ts';

export interface GroupFields {
  readonly name?: string | undefined;
  /** Replaces the members; untouched when absent. */
  readonly members?: readonly string[] | undefined;
  readonly parents?: readonly string[] | undefined;
}

/** Throws `bad-request` for people and groups that are not there, `conflict` for a circle of parents or a used id. */
export async function putGroup(
  trx: Trx,
  at: number,
  decider: Decider,
  { id, name, members, parents }: GroupFields & { readonly id: string },
): Promise<void> {
  const known = await trx.selectFrom('groups').select('id').where('id', '=', id).executeTakeFirst();
  const before = await peopleBelow(trx, id);
  if (known === undefined) {
    await claimName(trx, 'group', id);
    await trx
      .insertInto('groups')
      .values({ id, name: name ?? id, created_at: at })
      .execute();
  } else if (name !== undefined) {
    await trx.updateTable('groups').set({ name }).where('id', '=', id).execute();
  }
  if (parents !== undefined) await setParents(trx, id, [...new Set(parents)]);
  if (members !== undefined) await setMembers(trx, id, [...new Set(members)]);
  await nextChange(trx, at);
  const after = await peopleBelow(trx, id);
  await redecidePeople(
    trx,
    at,
    decider,
    parents === undefined ? before.symmetricDifference(after) : before.union(after),
  );
}

/** Throws `conflict` while a policy in force or another group names it. */
export async function removeGroup(trx: Trx, at: number, decider: Decider, id: string): Promise<void> {
  const policies = decider.policy()?.policies ?? [];
  const naming = policies.find(({ entities }) => entities.some((e) => e.type === 'Group' && e.id === id));
  if (naming !== undefined) {
    throw new PosternError('conflict', `policy ${naming.name} names group ${id}`, {
      tell: `The policy "${naming.name}" names this group.`,
    });
  }
  const child = await trx.selectFrom('group_parents').selectAll().where('parent_id', '=', id).executeTakeFirst();
  if (child !== undefined) {
    throw new PosternError('conflict', `group ${child.group_id} is below ${id}`, {
      tell: `The group "${child.group_id}" is below this one.`,
    });
  }
  const people = await peopleBelow(trx, id);
  const removed = await trx.deleteFrom('groups').where('id', '=', id).executeTakeFirst();
  if (removed.numDeletedRows === 0n) {
    throw new PosternError('not-found', `no group ${id}`, { tell: 'There is no such group.' });
  }
  await retireName(trx, at, 'group', id);
  await trx.deleteFrom('group_members').where('group_id', '=', id).execute();
  await trx.deleteFrom('group_parents').where('group_id', '=', id).execute();
  await nextChange(trx, at);
  await redecidePeople(trx, at, decider, people);
}

/** Throws `bad-request` naming what is not there. */
export async function requireGroups(trx: Trx, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const rows = await trx.selectFrom('groups').select('id').where('id', 'in', ids).execute();
  requireAll('group', ids, rows);
}

export function requireAll(word: string, wanted: readonly string[], rows: readonly { id: string }[]): void {
  const known = new Set(rows.map(({ id }) => id));
  const missing = wanted.filter((id) => !known.has(id));
  if (missing.length === 0) return;
  const list = missing.slice(0, 5).join(', ');
  throw new PosternError('bad-request', `no ${word} ${list}`, { tell: `There is no ${word} ${list}.` });
}

async function setParents(trx: Trx, id: string, parents: readonly string[]): Promise<void> {
  await requireGroups(trx, parents);
  await trx.deleteFrom('group_parents').where('group_id', '=', id).execute();
  if (parents.length === 0) return;
  await trx
    .insertInto('group_parents')
    .values(parents.map((parent_id) => ({ group_id: id, parent_id })))
    .execute();
  const below = await groupsBelow(trx, id);
  if (!parents.some((parent) => below.has(parent))) return;
  throw new PosternError('conflict', `group ${id} would be above itself`, { tell: 'A group cannot be above itself.' });
}

async function setMembers(trx: Trx, id: string, members: readonly string[]): Promise<void> {
  if (members.length > 0) {
    const people = trx.selectFrom('people').select('id').where('state', '!=', 'gone').where('id', 'in', members);
    requireAll('person', members, await people.execute());
  }
  await trx.deleteFrom('group_members').where('group_id', '=', id).execute();
  if (members.length === 0) return;
  await trx
    .insertInto('group_members')
    .values(members.map((person_id) => ({ group_id: id, person_id })))
    .execute();
}

/** The group and all whose parents lead to it. */
async function groupsBelow(trx: Trx, id: string): Promise<Set<string>> {
  const found = new Set([id]);
  let frontier = [id];
  while (frontier.length > 0) {
    const rows = await trx.selectFrom('group_parents').select('group_id').where('parent_id', 'in', frontier).execute();
    frontier = [...new Set(rows.map(({ group_id }) => group_id))].filter((group) => !found.has(group));
    for (const group of frontier) found.add(group);
  }
  return found;
}

async function peopleBelow(trx: Trx, id: string): Promise<Set<string>> {
  const groups = [...(await groupsBelow(trx, id))];
  const rows = await trx.selectFrom('group_members').select('person_id').where('group_id', 'in', groups).execute();
  return new Set(rows.map(({ person_id }) => person_id));
}

async function redecidePeople(trx: Trx, at: number, decider: Decider, people: ReadonlySet<string>): Promise<void> {
  for (const person of people) await redecideGrants(decider, trx, at, { person }, 'facts-changed');
}
