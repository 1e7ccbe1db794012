/**
 * A policy store's files judged, and taken apart into plain data that only has to be put together again (`build-store.ts`).
 * Everything slow is here, in a worker: the official engine, and the trial that finds what ours would refuse.
 */
import { asPosternError } from '#shared/base/errors.ts';
import { compilePolicy } from '#shared/cedar/compile-policy.ts';
import { type EntityJson, entitiesFromJson } from '#shared/cedar/entities.ts';
import { linkTemplate } from '#shared/cedar/link-template.ts';
import type { EntityJsonUid, PolicyJson, ScopeJson } from '#shared/cedar/policy-json.ts';
import type { EntityUid } from '#shared/cedar/values.ts';
import { uidFromJson } from '#shared/cedar/values-from-json.ts';
import type { PolicyStoreFiles, StoreProblem } from '#shared/contracts/admin-authzen.ts';
import { storeLimits } from '#shared/contracts/admin-authzen.ts';
import { fitRecord } from './fit-schema.ts';
import { type ParsedStore, parseStore } from './parse-store.ts';
import type { JsonObject } from './read-json.ts';
import { readStoreSchema, type StoreSchema } from './store-schema.ts';

/** Data alone, so that it can be handed over by a worker. */
export interface PlainStore {
  /** Links are policies like any other here. */
  readonly policies: readonly (readonly [id: string, policy: PolicyJson])[];
  readonly schema: StoreSchema | undefined;
  /** By key, as the JSON of a `PlainEntity`: one is read when it is asked for. */
  readonly entities: ReadonlyMap<string, string>;
  /** Sorted ids of what a search can find, by type: stored, enumerated, or named by a policy's scope. */
  readonly known: ReadonlyMap<string, readonly string[]>;
  readonly actions: readonly EntityJsonUid[];
  readonly counts: { readonly policies: number; readonly entities: number };
}

export interface PlainEntity {
  readonly attrs: EntityJson['attrs'];
  readonly tags?: EntityJson['tags'];
  /** Keys. */
  readonly parents: readonly string[];
}

export interface StorePrepared {
  /** Absent when any problem is an error. */
  readonly store?: PlainStore;
  readonly problems: readonly StoreProblem[];
}

export function prepareStore(files: PolicyStoreFiles): StorePrepared {
  const excess = findExcess(files);
  if (excess !== undefined) return { problems: [excess] };
  const { store: parsed, problems } = parseStore(files);
  if (problems.some(({ severity }) => severity === 'error')) return { problems: problems.slice(0, 1000) };
  const all = [...problems];
  const attempt = <T>(file: string, make: () => T, policy?: string): T | undefined => {
    try {
      return make();
    } catch (error) {
      const message = asPosternError(error).message.slice(0, 2000);
      all.push({ severity: 'error', file, message, ...(policy === undefined ? {} : { policy: policy.slice(0, 128) }) });
      return undefined;
    }
  };
  const schema = attempt('schema.cedarschema', () =>
    parsed.schema === undefined ? undefined : readStoreSchema(parsed.schema),
  );
  const policies: [string, PolicyJson][] = [];
  const add = (id: string, json: PolicyJson) => {
    policies.push([id, json]);
    attempt('', () => compilePolicy(id, json), id);
  };
  for (const [id, json] of parsed.policies) add(id, json as unknown as PolicyJson);
  for (const { templateId, newId, values } of parsed.links) {
    const template = parsed.templates.get(templateId) as unknown as PolicyJson;
    const linked = attempt('links.json', () => linkTemplate(template, values), newId);
    if (linked !== undefined) add(newId, linked);
  }
  if (policies.length > storeLimits.policies)
    all.push({ severity: 'error', file: '', message: `More than ${storeLimits.policies} policies.` });
  const entities = attempt('entities.json', () => fitEntities(parsed, schema));
  if (entities !== undefined) attempt('entities.json', () => entitiesFromJson(entities));
  if (entities === undefined || all.some(({ severity }) => severity === 'error')) return { problems: all };
  const named = [
    ...entities.map(({ uid }) => uidFromJson(uid)),
    ...policies.flatMap(([, policy]) => namedInScope(policy)),
  ];
  const store: PlainStore = {
    policies,
    schema,
    entities: new Map(entities.map(plainEntity)),
    known: listKnown(named, schema),
    actions: listActions(named, schema).map(({ type, id }) => ({ type, id })),
    counts: { policies: policies.length, entities: parsed.entities.length },
  };
  return { store, problems: all };
}

function plainEntity({ uid, attrs, tags, parents }: EntityJson): [key: string, json: string] {
  const plain: PlainEntity = {
    attrs,
    parents: parents.map((parent) => uidFromJson(parent).key),
    ...(tags && { tags }),
  };
  return [uidFromJson(uid).key, JSON.stringify(plain)];
}

function findExcess({ policies, schema = '', entities = '', links = '' }: PolicyStoreFiles): StoreProblem | undefined {
  const error = (file: string, message: string) => ({ severity: 'error', file, message }) as const;
  if (policies.length > storeLimits.files) return error('', `More than ${storeLimits.files} files.`);
  if (new Set(policies.map(({ name }) => name)).size < policies.length) return error('', 'Two files have one name.');
  const texts = policies.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  if (texts > storeLimits.policyBytes) return error('', `More than ${storeLimits.policyBytes} bytes of policies.`);
  if (Buffer.byteLength(schema) > storeLimits.schemaBytes)
    return error('schema.cedarschema', `Larger than ${storeLimits.schemaBytes} bytes.`);
  if (Buffer.byteLength(links) > storeLimits.policyBytes)
    return error('links.json', `Larger than ${storeLimits.policyBytes} bytes.`);
  if (Buffer.byteLength(entities) > storeLimits.entityBytes)
    return error('entities.json', `Larger than ${storeLimits.entityBytes} bytes.`);
  return undefined;
}

/** In the form that needs no schema to be read, the schema's actions with their groups among them. */
function fitEntities({ entities }: ParsedStore, schema: StoreSchema | undefined): EntityJson[] {
  if (entities.length > storeLimits.entities) throw new Error(`More than ${storeLimits.entities} entities.`);
  const given = entities as unknown as readonly EntityJson[];
  if (schema === undefined) return [...given];
  const fitting = { schema, dropUnknown: false };
  const fitted = given.map((one): EntityJson => {
    const uid = uidFromJson(one.uid);
    const type = schema.entities.get(uid.type);
    if (type === undefined) return one;
    const attrs = fitRecord(one.attrs as JsonObject, type.shape, uid.key, fitting);
    if (one.tags === undefined || type.tags === undefined) return { ...one, attrs };
    const names = Object.keys(one.tags);
    const asRecord = { type: 'Record', attributes: Object.fromEntries(names.map((name) => [name, type.tags!])) };
    return { ...one, attrs, tags: fitRecord(one.tags as JsonObject, asRecord, `tags of ${uid.key}`, fitting) };
  });
  const there = new Set(given.map(({ uid }) => uidFromJson(uid).key));
  const actions = schema.actions
    .filter(({ uid }) => !there.has(uidFromJson(uid).key))
    .map(({ uid, parents }): EntityJson => ({ uid, attrs: {}, parents }));
  return [...fitted, ...actions];
}

function namedInScope({ principal, action, resource }: PolicyJson): EntityUid[] {
  return [principal, action, resource].flatMap((part: ScopeJson) => {
    if (part.op === '==' && 'entity' in part) return [uidFromJson(part.entity)];
    // `action in [...]` lists actions; what else is `in` something is a member of it, not that.
    return part === action && part.op === 'in' && 'entities' in part ? part.entities.map(uidFromJson) : [];
  });
}

const isAction = ({ type }: EntityUid): boolean => /(^|::)Action$/.test(type);

function listKnown(
  named: readonly EntityUid[],
  schema: StoreSchema | undefined,
): ReadonlyMap<string, readonly string[]> {
  const known = new Map<string, Set<string>>();
  const add = (type: string, id: string) => {
    const ids = known.get(type);
    if (ids === undefined) known.set(type, new Set([id]));
    else ids.add(id);
  };
  for (const uid of named) if (!isAction(uid)) add(uid.type, uid.id);
  for (const [type, { ids }] of schema?.entities ?? []) for (const id of ids ?? []) add(type, id);
  return new Map([...known].map(([type, ids]) => [type, [...ids].sort()]));
}

/** With a schema its actions, and not the groups of actions in it; else those that entities and policies name. */
function listActions(named: readonly EntityUid[], schema: StoreSchema | undefined): EntityUid[] {
  const all =
    schema === undefined
      ? named.filter(isAction)
      : schema.actions.filter(({ principals }) => principals.size > 0).map(({ uid }) => uidFromJson(uid));
  const byKey = new Map(all.map((uid) => [uid.key, uid]));
  return [...byKey.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}
