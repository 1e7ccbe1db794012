/**
 * Data brought into the form that a type of a schema wants, as the official engine reads data beside a schema: a text where
 * an address, decimal, moment or duration belongs is one, and `{type, id}` where an entity belongs is that entity.
 */
import type { ValueJson } from '#shared/cedar/policy-json.ts';
import { refuse } from '#shared/cedar/refuse.ts';
import { isObject, type Json, type JsonObject, memberOf } from './read-json.ts';
import type { StoreSchema, TypeJson } from './store-schema.ts';

export interface Fitting {
  readonly schema: StoreSchema;
  /** What a record has beyond its type is left out; else it is refused. Policies were validated to look at none of it. */
  readonly dropUnknown: boolean;
}

/** Throws `policy-invalid` naming the place, never the value. */
function fitValue(json: Json, type: TypeJson, path: string, fitting: Fitting): ValueJson {
  const wrong = (wanted: string) => refuse(`${path}: the schema wants ${wanted}`);
  switch (type.type) {
    case 'String':
      if (typeof json !== 'string') throw wrong('a string');
      return json;
    case 'Long':
      if (typeof json !== 'number' && typeof json !== 'bigint') throw wrong('a whole number');
      return json;
    case 'Boolean':
    case 'Bool':
      if (typeof json !== 'boolean') throw wrong('true or false');
      return json;
    case 'Set':
      if (!Array.isArray(json)) throw wrong('an array');
      return json.map((item: Json, at) => fitValue(item, type.element!, `${path}[${at}]`, fitting));
    case 'Record':
      if (!isObject(json)) throw wrong('an object');
      return fitWhole(json, type, path, fitting);
    case 'Entity':
      return { __entity: fitEntity(json, type.name!, path, fitting) };
    default:
      break;
  }
  const fn = type.type === 'Extension' ? type.name! : type.type.replace(/^__cedar::/, '');
  if (Object.hasOwn(constructors, fn)) return fitExtension(json, constructors[fn]!, path);
  const common = fitting.schema.common.get(type.type);
  if (common === undefined) throw refuse(`${path}: the type ${type.type} is not known here`);
  return fitValue(json, common, path, fitting);
}

/** The function that makes a value of each extension type out of a text. */
const constructors: Readonly<Record<string, string>> = {
  ipaddr: 'ip',
  decimal: 'decimal',
  datetime: 'datetime',
  duration: 'duration',
};

/** What it must have besides is not asked here (`missingMembers`): a stored entity may have it. */
export function fitRecord(json: JsonObject, type: TypeJson, path: string, fitting: Fitting): Record<string, ValueJson> {
  const { attributes = {} } = resolve(type, fitting.schema);
  const fitted: [string, ValueJson][] = [];
  for (const [name, value] of Object.entries(json)) {
    const wanted = Object.hasOwn(attributes, name) ? attributes[name]! : undefined;
    if (wanted !== undefined) fitted.push([name, fitValue(value, wanted, `${path}.${name}`, fitting)]);
    else if (!fitting.dropUnknown) throw refuse(`${path}: ${name.slice(0, 100)} is not in the schema`);
  }
  return Object.fromEntries(fitted);
}

function fitWhole(json: JsonObject, type: TypeJson, path: string, fitting: Fitting): Record<string, ValueJson> {
  const fitted = fitRecord(json, type, path, fitting);
  const [missing] = missingMembers(fitted, type, fitting.schema);
  if (missing !== undefined) throw refuse(`${path}.${missing}: is missing, and the schema wants it`);
  return fitted;
}

/** Names of what a value of this type must have and this one does not. */
export function missingMembers(json: object, type: TypeJson, schema: StoreSchema): string[] {
  return Object.entries(resolve(type, schema).attributes ?? {})
    .filter(([name, { required = true }]) => required && !Object.hasOwn(json, name))
    .map(([name]) => name);
}

/** A shape or a context may be written as the name of a common type. */
function resolve(type: TypeJson, schema: StoreSchema): TypeJson {
  let resolved = type;
  // A schema's types refer to each other in no circle: the engine has seen to it.
  while (resolved.type !== 'Record' && schema.common.has(resolved.type)) resolved = schema.common.get(resolved.type)!;
  return resolved;
}

function fitEntity(json: Json, wanted: string, path: string, { schema }: Fitting): { type: string; id: string } {
  const inner = isObject(json) ? (memberOf(json, '__entity') ?? json) : undefined;
  const [type, id] = isObject(inner) ? [memberOf(inner, 'type'), memberOf(inner, 'id')] : [];
  if (type !== wanted || typeof id !== 'string') throw refuse(`${path}: the schema wants an entity of type ${wanted}`);
  const ids = schema.entities.get(wanted)?.ids;
  if (ids !== undefined && !ids.has(id)) throw refuse(`${path}: the type ${wanted} has no such entity`);
  return { type: wanted, id };
}

function fitExtension(json: Json, fn: string, path: string): ValueJson {
  if (typeof json === 'string') return { __extn: { fn, arg: json } };
  const inner = isObject(json) ? (memberOf(json, '__extn') ?? json) : undefined;
  if (isObject(inner) && memberOf(inner, 'fn') === fn && typeof memberOf(inner, 'arg') === 'string')
    return { __extn: { fn, arg: memberOf(inner, 'arg') as string } };
  throw refuse(`${path}: the schema wants what ${fn}("...") takes`);
}
