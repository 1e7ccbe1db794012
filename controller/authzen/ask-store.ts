/**
 * An AuthZEN request as the question that a policy store is asked. docs/authzen.md says the rules in words:
 *
 * - What is stored is true: a property adds an attribute that the stored entity does not have, and replaces none. Groups and
 *   tags come from the store alone. An entity that is not stored has the properties as its attributes.
 * - With a schema, what it does not declare is left out, and what is declared must be of its type: policies were validated
 *   against nothing else.
 * - Properties of the action are `context.action`, for actions have no attributes in Cedar.
 */
import { asPosternError } from '#shared/base/errors.ts';
import type { Ask } from '#shared/cedar/ask.ts';
import { type Entity, type EntityStore, noMembers } from '#shared/cedar/entities.ts';
import type { ValueJson } from '#shared/cedar/policy-json.ts';
import { refuse } from '#shared/cedar/refuse.ts';
import { CedarRecord, type EntityUid } from '#shared/cedar/values.ts';
import { recordFromJson, uidFromJson } from '#shared/cedar/values-from-json.ts';
import type { CompiledStore } from './build-store.ts';
import { fitRecord, missingMembers } from './fit-schema.ts';
import { isObject, type Json, type JsonObject } from './read-json.ts';
import type { EntityAsked, Evaluation } from './read-request.ts';
import type { ActionType, StoreSchema } from './store-schema.ts';

/** Throws `policy-invalid`, its message safe to tell, for what this store cannot be asked. */
export function askStore(store: CompiledStore, { subject, action, resource, context }: Evaluation): Ask {
  const principal = uidOf('subject', subject);
  const object = uidOf('resource', resource);
  const uid = findAction(store, action.name);
  const type = store.schema === undefined ? undefined : fitAction(store.schema, uid, principal, object);
  return {
    principal,
    action: uid,
    resource: object,
    context: readRecord('context', contextOf(store.schema, type, context, action.properties)),
    entities: withProperties(store, [
      [principal, readRecord('subject.properties', propertiesOf(store, 'subject', subject))],
      [object, readRecord('resource.properties', propertiesOf(store, 'resource', resource))],
    ]),
  };
}

function uidOf(part: string, { type, id }: EntityAsked): EntityUid {
  try {
    return uidFromJson({ type, id });
  } catch {
    throw refuse(`${part}.type: is no name of a Cedar type`);
  }
}

const fullName = /^((?:[A-Za-z_][A-Za-z0-9_]*::)+Action)::"(.*)"$/s;

/** `Action::"name"`, or one of a namespace by its full name; with a schema also the one action of this name in any namespace. */
function findAction({ schema, actions }: CompiledStore, name: string): EntityUid {
  const plain = uidFromJson({ type: 'Action', id: name });
  const full = fullName.exec(name);
  if (full !== null && !actions.some(({ key }) => key === plain.key))
    return uidFromJson({ type: full[1]!, id: full[2]! });
  if (schema === undefined || schema.actions.some(({ uid }) => uid.type === 'Action' && uid.id === name)) return plain;
  const [only, another] = schema.actions.filter(({ uid }) => uid.id === name);
  return only === undefined || another !== undefined ? plain : uidFromJson(only.uid);
}

/** What a search calls an action: what `findAction` finds it by. */
export function nameOfAction(store: CompiledStore, uid: EntityUid): string {
  return findAction(store, uid.id).key === uid.key ? uid.id : uid.key;
}

function fitAction(schema: StoreSchema, uid: EntityUid, principal: EntityUid, resource: EntityUid): ActionType {
  const type = schema.actions.find((one) => one.uid.id === uid.id && one.uid.type === uid.type);
  if (type === undefined) throw refuse('action.name: the schema has no such action');
  if (!type.principals.has(principal.type)) throw refuse('subject.type: is none that this action applies to');
  if (!type.resources.has(resource.type)) throw refuse('resource.type: is none that this action applies to');
  for (const [part, one] of [['subject', principal] as const, ['resource', resource] as const]) {
    const ids = schema.entities.get(one.type)?.ids;
    if (ids !== undefined && !ids.has(one.id)) throw refuse(`${part}.id: the type has no such entity`);
  }
  return type;
}

function contextOf(
  schema: StoreSchema | undefined,
  type: ActionType | undefined,
  context: JsonObject,
  actionProperties: JsonObject,
): Record<string, ValueJson> {
  const hasProperties = Object.keys(actionProperties).length > 0;
  if (hasProperties && Object.hasOwn(context, 'action'))
    throw refuse('context.action: is where the properties of the action stand; give one of them');
  const whole = hasProperties ? { ...context, action: actionProperties } : context;
  const given = withoutNulls(whole);
  if (schema === undefined || type === undefined) return given as Record<string, ValueJson>;
  const fitted = fitRecord(given, type.context, 'context', { schema, dropUnknown: true });
  const [missing] = missingMembers(fitted, type.context, schema);
  if (missing !== undefined) throw refuse(`context.${missing}: is missing, and the schema wants it`);
  return fitted;
}

function propertiesOf(
  { schema, entities }: CompiledStore,
  part: string,
  asked: EntityAsked,
): Record<string, ValueJson> {
  const given = withoutNulls(asked.properties);
  if (schema === undefined) return given as Record<string, ValueJson>;
  const shape = schema.entities.get(asked.type)?.shape;
  if (shape === undefined) return {};
  const fitted = fitRecord(given, shape, `${part}.properties`, { schema, dropUnknown: true });
  // An entity that is only half there is none: a forbid that looks at the other half would err, and be skipped.
  const isNew = Object.keys(fitted).length > 0 && entities.find(uidFromJson(asked)) === undefined;
  const [missing] = isNew ? missingMembers(fitted, shape, schema) : [];
  if (missing !== undefined) throw refuse(`${part}.properties.${missing}: is missing, and the schema wants it`);
  return fitted;
}

/** A member that is null is one that was not given; Cedar has no null. */
function withoutNulls(object: JsonObject): JsonObject {
  const kept = Object.entries(object)
    .filter(([, value]) => value !== null)
    .map(([name, value]): [string, Json] => [name, isObject(value) ? withoutNulls(value) : value]);
  return Object.fromEntries(kept);
}

/** When subject and resource are one entity, what the subject's properties say comes first. */
function withProperties(
  { entities }: CompiledStore,
  given: readonly (readonly [EntityUid, CedarRecord])[],
): EntityStore {
  const merged = new Map<string, Entity>();
  for (const [uid, properties] of given) {
    if (isEmpty(properties)) continue;
    const before = merged.get(uid.key) ?? entities.find(uid);
    merged.set(uid.key, addAttributes(before, properties));
  }
  if (merged.size === 0) return entities;
  return { find: (uid) => merged.get(uid.key) ?? entities.find(uid) };
}

const isEmpty = ({ members }: CedarRecord): boolean => [...members.keys()].length === 0;

function readRecord(part: string, json: Record<string, ValueJson>): CedarRecord {
  try {
    return recordFromJson(json);
  } catch (error) {
    throw refuse(`${part}: ${asPosternError(error).message}`);
  }
}

const noAncestors: ReadonlySet<string> = new Set();

function addAttributes(before: Entity | undefined, added: CedarRecord): Entity {
  if (before === undefined) return { attributes: added, tags: noMembers, ancestors: noAncestors };
  const all = new Map([...added.members.keys()].map((name) => [name, added.members.get(name)!]));
  for (const name of before.attributes.members.keys()) all.set(name, before.attributes.members.get(name)!);
  return { ...before, attributes: new CedarRecord(all) };
}
