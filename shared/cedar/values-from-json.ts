/** Values from Cedar's JSON form of data: entities' attributes, contexts and literals. Whatever is not wholly right is refused. */
import { EvaluationError } from './evaluation-error.ts';
import { findExtensionFunction } from './ext-functions.ts';
import { toLong } from './longs.ts';
import type { UidJson, ValueJson } from './policy-json.ts';
import { cedarLimits, refuse } from './refuse.ts';
import { CedarRecord, CedarSet, EntityUid, type Value } from './values.ts';

/** Throws `policy-invalid` for `null`, a fraction, a number that JSON may have rounded, too deep a value, an unknown escape. */
export function valueFromJson(json: ValueJson, depth = 0): Value {
  if (depth > cedarLimits.depth) throw refuse(`A value is deeper than ${cedarLimits.depth} sets and records.`);
  switch (typeof json) {
    case 'boolean':
      return json;
    case 'string':
      return wellFormed(json);
    case 'number':
      if (Number.isSafeInteger(json)) return json + 0;
      throw refuse(`${json} is no whole number that is kept exactly.`);
    case 'bigint': {
      const long = toLong(json);
      if (long === undefined) throw refuse(`${json} is beyond 64 bits.`);
      return long;
    }
    case 'object':
      break;
    default:
      throw refuse('A value is none of JSON.');
  }
  if (json === null) throw refuse('There is no null in Cedar.');
  if (Array.isArray(json))
    return new CedarSet((json as readonly ValueJson[]).map((item) => valueFromJson(item, depth + 1)));
  return fromObject(json as Readonly<Record<string, ValueJson>>, depth);
}

export function recordFromJson(json: Readonly<Record<string, ValueJson>>, depth = 0): CedarRecord {
  return new CedarRecord(
    new Map(Object.entries(json).map(([name, member]) => [wellFormed(name), valueFromJson(member, depth + 1)])),
  );
}

/** Throws `policy-invalid` for another shape. */
export function uidFromJson(json: UidJson): EntityUid {
  const { type, id } = '__entity' in json ? json.__entity : json;
  if (typeof type !== 'string' || typeof id !== 'string' || !typePath.test(type))
    throw refuse('An entity is not named by its type and id.');
  return new EntityUid(type, wellFormed(id));
}

const typePath = /^[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*$/;

function wellFormed(text: string): string {
  if (!text.isWellFormed()) throw refuse('A text is not well-formed Unicode.');
  return text;
}

function fromObject(json: Readonly<Record<string, ValueJson>>, depth: number): Value {
  if (Object.hasOwn(json, '__entity') && Object.keys(json).length === 1) return uidFromJson(json as unknown as UidJson);
  if (Object.hasOwn(json, '__extn') && Object.keys(json).length === 1) return fromExtension(json['__extn'], depth);
  if (Object.hasOwn(json, '__expr')) throw refuse('The escape __expr is not taken.');
  return recordFromJson(json, depth);
}

function fromExtension(json: ValueJson | undefined, depth: number): Value {
  const { fn, arg, args } = (json ?? {}) as { fn?: unknown; arg?: ValueJson; args?: unknown };
  const given = Array.isArray(args) ? (args as ValueJson[]) : arg === undefined ? [] : [arg];
  const apply = typeof fn === 'string' ? findExtensionFunction(fn, given.length) : undefined;
  if (apply === undefined) throw refuse('An extension value names no function that there is.');
  const values = given.map((item) => valueFromJson(item, depth + 1));
  try {
    return apply(values);
  } catch (error) {
    if (error instanceof EvaluationError) throw refuse(error.message);
    throw error;
  }
}
