/** Entities with their attributes, tags and ancestors. `in` is transitive: ancestors are found when the store is made. */
import type { EntityJsonUid, UidJson, ValueJson } from './policy-json.ts';
import { cedarLimits, refuse } from './refuse.ts';
import { CedarRecord, type EntityUid } from './values.ts';
import { recordFromJson, uidFromJson } from './values-from-json.ts';

export interface Entity {
  readonly attributes: CedarRecord;
  readonly tags: CedarRecord;
  /** Keys of all ancestors, not its own. */
  readonly ancestors: ReadonlySet<string>;
}

export interface EntityStore {
  /** Undefined when it was not given: it has no attributes and is in nothing but itself. */
  find(uid: EntityUid): Entity | undefined;
}

export interface EntityJson {
  readonly uid: UidJson;
  readonly attrs: Readonly<Record<string, ValueJson>>;
  readonly parents: readonly UidJson[];
  readonly tags?: Readonly<Record<string, ValueJson>>;
}

export const noMembers = new CedarRecord(new Map());

/** Throws `policy-invalid` for a cycle, for two different entities of one name, and for what `valueFromJson` refuses. */
export function entitiesFromJson(json: readonly EntityJson[]): EntityStore {
  const given = new Map<string, Given>();
  for (const one of json) {
    const entity = readEntity(one);
    const other = given.get(entity.key);
    if (other !== undefined && !isSame(entity, other)) throw refuse(`There are two entities ${entity.key}.`);
    given.set(entity.key, entity);
  }
  const ancestors = findAncestors(given);
  const found = new Map<string, Entity>();
  for (const [key, { attributes, tags }] of given) found.set(key, { attributes, tags, ancestors: ancestors.get(key)! });
  return { find: ({ key }) => found.get(key) };
}

interface Given {
  readonly key: string;
  readonly attributes: CedarRecord;
  readonly tags: CedarRecord;
  readonly parents: ReadonlySet<string>;
}

function readEntity({ uid, attrs, parents, tags }: EntityJson): Given {
  return {
    key: uidFromJson(uid).key,
    attributes: recordFromJson(attrs),
    tags: tags === undefined ? noMembers : recordFromJson(tags),
    parents: new Set(parents.map((parent: EntityJsonUid | UidJson) => uidFromJson(parent).key)),
  };
}

function isSame(a: Given, b: Given): boolean {
  return (
    a.attributes.key === b.attributes.key &&
    a.tags.key === b.tags.key &&
    a.parents.symmetricDifference(b.parents).size === 0
  );
}

/** Without recursion: a chain of parents may be as long as the list of entities. */
function findAncestors(given: ReadonlyMap<string, Given>): Map<string, ReadonlySet<string>> {
  const done = new Map<string, ReadonlySet<string>>();
  const open = new Set<string>();
  let total = 0;
  for (const start of given.keys()) {
    const path = [start];
    while (path.length > 0) {
      const key = path.at(-1)!;
      const parents = given.get(key)?.parents;
      if (parents === undefined || done.has(key)) {
        path.pop();
        continue;
      }
      open.add(key);
      const waiting = [...parents].filter((parent) => given.has(parent) && !done.has(parent));
      if (waiting.some((parent) => open.has(parent))) throw refuse(`The entity ${key} is its own ancestor.`);
      if (waiting.length > 0) {
        path.push(...waiting);
        continue;
      }
      const all = new Set(parents);
      for (const parent of parents) for (const above of done.get(parent) ?? []) all.add(above);
      total += all.size;
      if (total > cedarLimits.ancestors) throw refuse('The hierarchy of entities is too large.');
      done.set(key, all);
      open.delete(key);
      path.pop();
    }
  }
  return done;
}
