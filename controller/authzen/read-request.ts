/**
 * The requests of the OpenID AuthZEN Authorization API 1.0, read from JSON: sections "Information Model", "Access
 * Evaluation API", "Access Evaluations API" and the three searches. Members that are not known are ignored, as it demands;
 * what is missing or of another type is `bad-request` (400).
 */
import type { PosternError } from '#shared/base/errors.ts';
import { asPosternError } from '#shared/base/errors.ts';
import { isObject, type Json, type JsonObject, malformed, memberOf } from './read-json.ts';

export interface EntityAsked {
  readonly type: string;
  readonly id: string;
  readonly properties: JsonObject;
}

export interface ActionAsked {
  readonly name: string;
  readonly properties: JsonObject;
}

export interface Evaluation {
  readonly subject: EntityAsked;
  readonly action: ActionAsked;
  readonly resource: EntityAsked;
  readonly context: JsonObject;
}

export const semantics = ['execute_all', 'deny_on_first_deny', 'permit_on_first_permit'] as const;
export type Semantic = (typeof semantics)[number];

export interface Evaluations {
  readonly semantic: Semantic;
  /** An item that cannot be read denies, and says why; the others are answered. */
  readonly items: readonly (Evaluation | PosternError)[];
}

export const searchKinds = ['subject', 'resource', 'action'] as const;
export type SearchKind = (typeof searchKinds)[number];

export interface Search {
  readonly kind: SearchKind;
  /** What is searched for has the empty id or name. */
  readonly about: Evaluation;
  readonly token: string | undefined;
  readonly limit: number | undefined;
}

const requestLimits = {
  /** Items of one batch. */
  evaluations: 1000,
  /** Characters of a type, an id or a name. */
  name: 2048,
  /** Results of one page. */
  page: 1000,
} as const;

const noProperties: JsonObject = Object.freeze({});

export function readEvaluation(body: Json): Evaluation {
  const object = wholeBody(body);
  return {
    subject: readEntity(object, 'subject'),
    action: readAction(object),
    resource: readEntity(object, 'resource'),
    context: readObject(object, 'context'),
  };
}

/** Undefined without a list, or with an empty one: then it is one evaluation. */
export function readEvaluations(body: Json): Evaluations | undefined {
  const object = wholeBody(body);
  const list = memberOf(object, 'evaluations');
  const semantic = readSemantic(object);
  if (list === undefined) return undefined;
  if (!Array.isArray(list)) throw malformed('evaluations: must be an array');
  if (list.length === 0) return undefined;
  if (list.length > requestLimits.evaluations)
    throw malformed(`evaluations: more than ${requestLimits.evaluations}; send several requests`);
  for (const name of entityNames) if (Object.hasOwn(object, name)) objectOf(object[name]!, name);
  const items = list.map((item: Json, at) => {
    if (!isObject(item)) throw malformed(`evaluations[${at}]: must be an object`);
    return readItem(object, item);
  });
  return { semantic, items };
}

const entityNames = ['subject', 'action', 'resource', 'context'] as const;

/**
 * What an item gives replaces the default whole, its properties too; only the members that name it (`type`, `id`, `name`)
 * are taken from the default where the item leaves them out (certification scenario, "Batch with default value merging").
 */
function readItem(defaults: JsonObject, item: JsonObject): Evaluation | PosternError {
  const merged: Record<string, Json> = {};
  for (const name of entityNames) {
    const [own, given] = [memberOf(item, name), memberOf(defaults, name)];
    if (own !== undefined) merged[name] = isObject(own) && isObject(given) ? withNames(name, own, given) : own;
    else if (given !== undefined) merged[name] = given;
  }
  try {
    return readEvaluation(merged);
  } catch (error) {
    return asPosternError(error);
  }
}

function withNames(name: (typeof entityNames)[number], own: JsonObject, given: JsonObject): JsonObject {
  if (name === 'context') return own;
  const named = name === 'action' ? ['name'] : ['type', 'id'];
  const taken = named.filter((member) => !Object.hasOwn(own, member) && Object.hasOwn(given, member));
  return { ...Object.fromEntries(taken.map((member) => [member, given[member]!])), ...own };
}

function readSemantic(object: JsonObject): Semantic {
  const given = memberOf(readObject(object, 'options'), 'evaluations_semantic');
  if (given === undefined) return 'execute_all';
  const known = semantics.find((semantic) => semantic === given);
  if (known === undefined) throw malformed(`options.evaluations_semantic: must be one of ${semantics.join(', ')}`);
  return known;
}

export function readSearch(kind: SearchKind, body: Json): Search {
  const object = wholeBody(body);
  const page = readObject(object, 'page');
  const token = memberOf(page, 'token');
  const limit = memberOf(page, 'limit');
  if (token !== undefined && typeof token !== 'string') throw malformed('page.token: must be a string');
  if (limit !== undefined && !(Number.isSafeInteger(limit) && Number(limit) >= 1))
    throw malformed('page.limit: must be a whole number of 1 or more');
  return {
    kind,
    about: {
      subject: kind === 'subject' ? readSearched(object, kind) : readEntity(object, 'subject'),
      action: kind === 'action' ? { name: '', properties: noProperties } : readAction(object),
      resource: kind === 'resource' ? readSearched(object, kind) : readEntity(object, 'resource'),
      context: readObject(object, 'context'),
    },
    token: token === '' ? undefined : token,
    limit: limit === undefined ? undefined : Math.min(Number(limit), requestLimits.page),
  };
}

/** Of what is searched for, an id is ignored. */
function readSearched(object: JsonObject, name: 'subject' | 'resource'): EntityAsked {
  const entity = required(object, name);
  return { type: readText(entity, name, 'type'), id: '', properties: readObject(entity, 'properties', name) };
}

function readEntity(object: JsonObject, name: 'subject' | 'resource'): EntityAsked {
  const entity = required(object, name);
  return {
    type: readText(entity, name, 'type'),
    id: readText(entity, name, 'id'),
    properties: readObject(entity, 'properties', name),
  };
}

function readAction(object: JsonObject): ActionAsked {
  const action = required(object, 'action');
  return { name: readText(action, 'action', 'name'), properties: readObject(action, 'properties', 'action') };
}

function wholeBody(body: Json): JsonObject {
  if (!isObject(body)) throw malformed('The body must be a JSON object.');
  return body;
}

function required(object: JsonObject, name: string): JsonObject {
  const value = memberOf(object, name);
  if (value === undefined) throw malformed(`${name}: is missing`);
  return objectOf(value, name);
}

function objectOf(value: Json, name: string): JsonObject {
  if (!isObject(value)) throw malformed(`${name}: must be an object`);
  return value;
}

function readObject(object: JsonObject, name: string, above?: string): JsonObject {
  const value = memberOf(object, name);
  return value === undefined ? noProperties : objectOf(value, above === undefined ? name : `${above}.${name}`);
}

function readText(object: JsonObject, above: string, name: string): string {
  const value = memberOf(object, name);
  if (value === undefined) throw malformed(`${above}.${name}: is missing`);
  if (typeof value !== 'string') throw malformed(`${above}.${name}: must be a string`);
  if (value.length > requestLimits.name)
    throw malformed(`${above}.${name}: longer than ${requestLimits.name} characters`);
  if (!value.isWellFormed()) throw malformed(`${above}.${name}: is not well-formed Unicode`);
  return value;
}
