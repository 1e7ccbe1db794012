/**
 * Finds the policies that an ask can concern, by action, then resource, then type of principal, without looking at any
 * other: a thousand policies of other apps cost nothing. Leaving them out changes nothing either: a policy whose scope does
 * not match is neither satisfied nor in error.
 */
import type { Ask } from './ask.ts';
import type { Policy } from './compile-policy.ts';
import { anyKey, scopeMatches, typeKey } from './compile-scope.ts';
import type { EntityStore } from './entities.ts';
import type { EntityUid } from './values.ts';

interface Bucket {
  readonly ofAnyType: Policy[];
  readonly byType: Map<string, Policy[]>;
}

export class ScopeIndex {
  readonly #byAction = new Map<string, Map<string, Bucket>>();
  readonly size: number;

  constructor(policies: readonly Policy[]) {
    for (const policy of policies)
      for (const action of policy.scope.action.keys)
        for (const resource of policy.scope.resource.keys) this.#add(action, resource, policy);
    this.size = policies.length;
  }

  #add(action: string, resource: string, policy: Policy): void {
    const byResource = getOrMake(this.#byAction, action, () => new Map<string, Bucket>());
    const bucket = getOrMake(byResource, resource, (): Bucket => ({ ofAnyType: [], byType: new Map() }));
    const { type } = policy.scope.principal;
    (type === undefined ? bucket.ofAnyType : getOrMake(bucket.byType, type, () => [])).push(policy);
  }

  /** The policies whose whole scope matches, each once. */
  inScope(ask: Ask): Policy[] {
    return this.#find(ask, ({ scope }) => scopeMatches(scope, ask));
  }

  /** The policies that could match if the principal were another of its type: for who is not wholly known. */
  aboutTarget(ask: Ask): Policy[] {
    return this.#find(
      ask,
      ({ scope: { action, resource } }) => action.matches(ask.action, ask) && resource.matches(ask.resource, ask),
    );
  }

  #find(ask: Ask, matches: (policy: Policy) => boolean): Policy[] {
    const found: Policy[] = [];
    const take = (policies: readonly Policy[] | undefined) => {
      if (policies === undefined) return;
      for (const policy of policies) if (matches(policy)) found.push(policy);
    };
    const resourceKeys = keysOf(ask.resource, ask.entities);
    const actionKeys = keysOf(ask.action, ask.entities);
    for (const action of actionKeys) {
      const byResource = this.#byAction.get(action);
      if (byResource === undefined) continue;
      for (const resource of resourceKeys) {
        const bucket = byResource.get(resource);
        if (bucket === undefined) continue;
        take(bucket.ofAnyType);
        take(bucket.byType.get(ask.principal.type));
      }
    }
    // A policy that names several actions may be found under more than one of an action that has ancestors.
    return found.length > 1 && actionKeys.length > 3 ? [...new Set(found)] : found;
  }
}

/** Under which a policy about this entity can stand: itself, everything, its type, its ancestors. */
function keysOf(uid: EntityUid, entities: EntityStore): string[] {
  const keys = [uid.key, anyKey, typeKey(uid.type)];
  const ancestors = entities.find(uid)?.ancestors;
  if (ancestors !== undefined) keys.push(...ancestors);
  return keys;
}

function getOrMake<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
