/**
 * A policy store made ready to be asked: an immutable value, swapped whole (invariant 6). It was judged before
 * (`prepare-store.ts`); `shared/cedar/` decides by it, exactly as Cedar says.
 */
import { compilePolicy, type Policy } from '#shared/cedar/compile-policy.ts';
import { type Entity, type EntityStore, noMembers } from '#shared/cedar/entities.ts';
import { ScopeIndex } from '#shared/cedar/scope-index.ts';
import type { EntityUid } from '#shared/cedar/values.ts';
import { recordFromJson, uidFromJson } from '#shared/cedar/values-from-json.ts';
import { Turns } from '../take-turns.ts';
import type { PlainEntity, PlainStore } from './prepare-store.ts';
import type { StoreSchema } from './store-schema.ts';

export interface CompiledStore extends Pick<PlainStore, 'known' | 'counts'> {
  readonly index: ScopeIndex;
  readonly entities: EntityStore;
  readonly schema: StoreSchema | undefined;
  readonly actions: readonly EntityUid[];
}

/** In turns, so that a large store holds nobody up. */
export async function buildStore(plain: PlainStore): Promise<CompiledStore> {
  const turns = new Turns();
  const policies: Policy[] = [];
  for (const [id, json] of plain.policies) {
    policies.push(compilePolicy(id, json));
    await turns.pause();
  }
  const { schema, known, counts } = plain;
  const entities = new StoredEntities(plain.entities);
  return Object.freeze({
    index: new ScopeIndex(policies),
    entities,
    schema,
    known,
    actions: plain.actions.map(uidFromJson),
    counts,
  });
}

/** Each is read when it is first asked for: of fifty thousand, a request needs two or three. */
class StoredEntities implements EntityStore {
  readonly #texts: ReadonlyMap<string, string>;
  readonly #found = new Map<string, Entity>();

  constructor(texts: ReadonlyMap<string, string>) {
    this.#texts = texts;
  }

  find({ key }: EntityUid): Entity | undefined {
    let entity = this.#found.get(key);
    if (entity === undefined) {
      const plain = this.#read(key);
      if (plain === undefined) return undefined;
      const { attrs, tags } = plain;
      const ancestors = this.#above(plain);
      entity = {
        attributes: recordFromJson(attrs),
        tags: tags === undefined ? noMembers : recordFromJson(tags),
        ancestors,
      };
      this.#found.set(key, entity);
    }
    return entity;
  }

  #read(key: string): PlainEntity | undefined {
    const text = this.#texts.get(key);
    return text === undefined ? undefined : (JSON.parse(text) as PlainEntity);
  }

  #above({ parents }: PlainEntity): Set<string> {
    const all = new Set(parents);
    // A set gives what is added to it while it is gone through, too.
    for (const key of all) {
      const known = this.#found.get(key)?.ancestors ?? this.#read(key)?.parents ?? [];
      for (const above of known) all.add(above);
    }
    return all;
  }
}
