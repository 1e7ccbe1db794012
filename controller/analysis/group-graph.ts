/** Who is in which groups, all of it read at once: the same answer for each person as `readEffectiveGroups` gives. */
import type { Db } from '../store/open-store.ts';

export class GroupGraph {
  readonly #known: ReadonlySet<string>;
  readonly #parents: ReadonlyMap<string, readonly string[]>;
  readonly #members: ReadonlyMap<string, readonly string[]>;
  /** Of a group: itself and all above it. */
  readonly #above = new Map<string, ReadonlySet<string>>();

  private constructor(
    known: ReadonlySet<string>,
    parents: ReadonlyMap<string, readonly string[]>,
    members: ReadonlyMap<string, readonly string[]>,
  ) {
    this.#known = known;
    this.#parents = parents;
    this.#members = members;
  }

  static async load(db: Db): Promise<GroupGraph> {
    const groups = await db.selectFrom('groups').select('id').execute();
    const parents = await db.selectFrom('group_parents').selectAll().execute();
    const members = await db.selectFrom('group_members').selectAll().execute();
    const lists = (pairs: readonly (readonly [string, string])[]) => {
      const found = new Map<string, string[]>();
      for (const [key, value] of pairs) {
        const list = found.get(key);
        if (list === undefined) found.set(key, [value]);
        else list.push(value);
      }
      return found;
    };
    return new GroupGraph(
      new Set(groups.map(({ id }) => id)),
      lists(parents.map(({ group_id, parent_id }) => [group_id, parent_id] as const)),
      lists(members.map(({ person_id, group_id }) => [person_id, group_id] as const)),
    );
  }

  /** Sorted; null when one of them is not there (P8: what could not be read whole is not known). */
  groupsOf(person: string): readonly string[] | null {
    const all = new Set<string>();
    for (const own of this.#members.get(person) ?? []) for (const id of this.aboveOf(own)) all.add(id);
    for (const id of all) if (!this.#known.has(id)) return null;
    return [...all].sort();
  }

  /** The group itself and all above it. */
  aboveOf(group: string): ReadonlySet<string> {
    let found = this.#above.get(group);
    if (found === undefined) {
      const seen = new Set([group]);
      // A set gives what is added while it is gone through, and ends with cycles.
      for (const id of seen) for (const parent of this.#parents.get(id) ?? []) seen.add(parent);
      found = seen;
      this.#above.set(group, found);
    }
    return found;
  }
}
