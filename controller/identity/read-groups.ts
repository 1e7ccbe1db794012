/** Effective groups of a person: their own and all parents of those, however deep. */
import type { Db } from '../store/open-store.ts';

export type EffectiveGroups =
  | { readonly ok: true; readonly groups: readonly string[] }
  /** P8: what could not be read whole is not known, and grants nothing. */
  | { readonly ok: false; readonly reason: 'groups-unreadable' };

/** Sorted. Cycles of parents end by themselves; a membership of a group that is not there makes the whole unreadable. */
export async function readEffectiveGroups(db: Db, person: string): Promise<EffectiveGroups> {
  const own = await db.selectFrom('group_members').select('group_id').where('person_id', '=', person).execute();
  const found = new Set(own.map((row) => row.group_id));
  let frontier = [...found];
  while (frontier.length > 0) {
    const parents = await db
      .selectFrom('group_parents')
      .select('parent_id')
      .where('group_id', 'in', frontier)
      .execute();
    frontier = [...new Set(parents.map((row) => row.parent_id))].filter((id) => !found.has(id));
    for (const id of frontier) found.add(id);
  }
  const groups = [...found].sort();
  if (groups.length > 0) {
    const known = await db.selectFrom('groups').select('id').where('id', 'in', groups).execute();
    if (known.length !== groups.length) return { ok: false, reason: 'groups-unreadable' };
  }
  return { ok: true, groups };
}
