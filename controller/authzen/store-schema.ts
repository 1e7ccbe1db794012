/** A Cedar schema, as far as data is read by it: what types entities have, which actions there are, what their contexts hold. */
import { schemaToJsonWithResolvedTypes } from '@cedar-policy/cedar-wasm/nodejs';
import { refuse } from '#shared/cedar/refuse.ts';

/** As the official engine's resolved form gives it; other members of it are not looked at. */
export interface TypeJson {
  /** `String`, `Long`, `Boolean`, `Set`, `Record`, `Entity`, the name of an extension or of a common type. */
  readonly type: string;
  readonly required?: boolean;
  readonly element?: TypeJson;
  readonly attributes?: Readonly<Record<string, TypeJson>>;
  readonly name?: string;
}

export interface EntityType {
  readonly shape: TypeJson;
  readonly tags: TypeJson | undefined;
  /** The ids of an enumerated type. */
  readonly ids: ReadonlySet<string> | undefined;
}

export interface ActionType {
  readonly uid: { readonly type: string; readonly id: string };
  readonly parents: readonly { readonly type: string; readonly id: string }[];
  readonly principals: ReadonlySet<string>;
  readonly resources: ReadonlySet<string>;
  readonly context: TypeJson;
}

export interface StoreSchema {
  readonly common: ReadonlyMap<string, TypeJson>;
  readonly entities: ReadonlyMap<string, EntityType>;
  readonly actions: readonly ActionType[];
}

interface NamespaceJson {
  readonly commonTypes?: Readonly<Record<string, TypeJson>>;
  readonly entityTypes?: Readonly<
    Record<string, { readonly shape?: TypeJson; readonly tags?: TypeJson; readonly enum?: readonly string[] }>
  >;
  readonly actions?: Readonly<
    Record<
      string,
      {
        readonly appliesTo?: {
          readonly principalTypes?: readonly string[];
          readonly resourceTypes?: readonly string[];
          readonly context?: TypeJson;
        };
        readonly memberOf?: readonly { readonly type?: string; readonly id: string }[];
      }
    >
  >;
}

const emptyRecord: TypeJson = { type: 'Record', attributes: {} };

/** Throws `policy-invalid` with the engine's complaint. */
export function readStoreSchema(text: string): StoreSchema {
  const answer = schemaToJsonWithResolvedTypes(text);
  if (answer.type === 'failure') throw refuse(answer.errors.map(({ message }) => message).join(' '));
  const common = new Map<string, TypeJson>();
  const entities = new Map<string, EntityType>();
  const actions: ActionType[] = [];
  for (const [namespace, json] of Object.entries(answer.json as unknown as Record<string, NamespaceJson>)) {
    const full = (name: string) => (namespace === '' ? name : `${namespace}::${name}`);
    for (const [name, type] of Object.entries(json.commonTypes ?? {})) common.set(full(name), type);
    for (const [name, { shape = emptyRecord, tags, enum: ids }] of Object.entries(json.entityTypes ?? {}))
      entities.set(full(name), { shape, tags, ids: ids === undefined ? undefined : new Set(ids) });
    for (const [id, { appliesTo = {}, memberOf = [] }] of Object.entries(json.actions ?? {}))
      actions.push({
        uid: { type: full('Action'), id },
        parents: memberOf.map((parent) => ({ type: parent.type ?? full('Action'), id: parent.id })),
        principals: new Set(appliesTo.principalTypes),
        resources: new Set(appliesTo.resourceTypes),
        context: appliesTo.context ?? emptyRecord,
      });
  }
  return { common, entities, actions };
}
