/** Operands as the type that an operator takes. Each throws `EvaluationError` for a value of another type. */
import { EvaluationError } from './evaluation-error.ts';
import type { Long } from './longs.ts';
import { CedarSet, EntityUid, typeName, type Value } from './values.ts';

export function wrongType(expected: string, value: Value): EvaluationError {
  return new EvaluationError('type', `type error: expected ${expected}, got ${typeName(value)}`);
}

export function asBool(value: Value): boolean {
  if (typeof value === 'boolean') return value;
  throw wrongType('bool', value);
}

export function asLong(value: Value): Long {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  throw wrongType('long', value);
}

export function asString(value: Value): string {
  if (typeof value === 'string') return value;
  throw wrongType('string', value);
}

export function asEntity(value: Value): EntityUid {
  if (value instanceof EntityUid) return value;
  throw wrongType('(entity of type `any_entity_type`)', value);
}

export function asSet(value: Value): CedarSet {
  if (value instanceof CedarSet) return value;
  throw wrongType('set', value);
}
