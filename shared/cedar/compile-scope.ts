/** The scope of a policy: whom, what and which it is about. It never errs, and it says under which keys it is found. */
import type { Ask } from './ask.ts';
import { isDescendant } from './compile-entities.ts';
import { textOf } from './operands.ts';
import type { PolicyJson, ScopeJson } from './policy-json.ts';
import { refuse } from './refuse.ts';
import type { EntityUid } from './values.ts';
import { uidFromJson } from './values-from-json.ts';

/** One of the three parts. */
export interface ScopePart {
  readonly matches: (uid: EntityUid, ask: Ask) => boolean;
  /** Whatever matches has one of these keys: an entity's (its own or an ancestor's), a type's, or the one of everything. */
  readonly keys: readonly string[];
  /** The type that an entity must have to match; undefined when it is not told. */
  readonly type?: string;
}

export interface Scope {
  readonly principal: ScopePart;
  readonly action: ScopePart;
  readonly resource: ScopePart;
}

export const anyKey = '*';
export const typeKey = (type: string): string => `is ${type}`;

/** Throws `policy-invalid` for a slot, which only a link fills, and for another shape. */
export function compileScope({ principal, action, resource }: Pick<PolicyJson, keyof Scope>): Scope {
  return { principal: compilePart(principal), action: compilePart(action), resource: compilePart(resource) };
}

export function scopeMatches({ principal, action, resource }: Scope, ask: Ask): boolean {
  return (
    action.matches(ask.action, ask) && resource.matches(ask.resource, ask) && principal.matches(ask.principal, ask)
  );
}

function compilePart(part: ScopeJson): ScopePart {
  switch (part.op) {
    case 'All':
      return { matches: () => true, keys: [anyKey] };
    case '==': {
      const wanted = entityOf(part);
      return { matches: (uid) => uid.key === wanted.key, keys: [wanted.key], type: wanted.type };
    }
    case 'in': {
      const groups = 'entities' in part ? part.entities.map(uidFromJson) : [entityOf(part)];
      return {
        matches: (uid, ask) => groups.some((group) => isDescendant(uid, group, ask)),
        keys: [...new Set(groups.map(({ key }) => key))],
      };
    }
    case 'is':
      return isPart(textOf(part.entity_type), part.in === undefined ? undefined : entityOf(part.in));
    default:
      throw refuse('A scope has an operator that is not known.');
  }
}

function isPart(type: string, group: EntityUid | undefined): ScopePart {
  if (group === undefined) return { matches: (uid) => uid.type === type, keys: [typeKey(type)], type };
  return { matches: (uid, ask) => uid.type === type && isDescendant(uid, group, ask), keys: [group.key], type };
}

function entityOf(holder: object): EntityUid {
  if (!('entity' in holder)) throw refuse('A scope has a slot that nothing fills.');
  return uidFromJson(holder.entity as Parameters<typeof uidFromJson>[0]);
}
