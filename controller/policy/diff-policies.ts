/** What differs between two versions, policy by policy. */
import type { PolicyJson, ScopeJson } from '#shared/cedar/policy-json.ts';
import type { CompiledPolicy } from './policy-set.ts';

export interface PolicyChange {
  /** `moved`: to another file, as it was. `renamed`: another @id, as it was. */
  readonly how: 'added' | 'removed' | 'changed' | 'moved' | 'renamed';
  readonly policy: string;
  readonly file: string;
  readonly effect: 'permit' | 'forbid';
  /** `Group::"staff", request, App::"wiki"`. */
  readonly scope: string;
  /** What its conditions look at. */
  readonly reads: readonly string[];
  /** Of a change: which parts. */
  readonly parts?: readonly ('effect' | 'scope' | 'conditions' | 'annotations')[];
  /** As it was, where that is another. */
  readonly before?: {
    readonly policy?: string;
    readonly file?: string;
    readonly effect?: 'permit' | 'forbid';
    readonly scope?: string;
  };
}

export function diffPolicies(before: readonly CompiledPolicy[], after: readonly CompiledPolicy[]): PolicyChange[] {
  const known = new Map(before.map((policy) => [policy.name, policy]));
  const kept = new Set(after.map(({ name }) => name));
  const gone = new Map(before.filter(({ name }) => !kept.has(name)).map((policy) => [bodyOf(policy.json), policy]));
  const changes: PolicyChange[] = [];
  for (const policy of after) {
    const former = known.get(policy.name) ?? gone.get(bodyOf(policy.json));
    if (former === undefined) changes.push({ how: 'added', ...describe(policy) });
    else if (former.name !== policy.name) {
      gone.delete(bodyOf(policy.json));
      changes.push({ how: 'renamed', ...describe(policy), before: { policy: former.name } });
    } else changes.push(...compare(former, policy));
  }
  for (const policy of gone.values()) changes.push({ how: 'removed', ...describe(policy) });
  return changes;
}

function compare(former: CompiledPolicy, policy: CompiledPolicy): PolicyChange[] {
  const [a, b] = [former.json, policy.json];
  const scopes = [scopeOf(a), scopeOf(b)] as const;
  const parts = [
    a.effect === b.effect ? [] : ['effect' as const],
    scopes[0] === scopes[1] ? [] : ['scope' as const],
    same(a.conditions, b.conditions) ? [] : ['conditions' as const],
    same(a.annotations, b.annotations) ? [] : ['annotations' as const],
  ].flat();
  const isMoved = former.file !== policy.file;
  if (parts.length === 0 && !isMoved) return [];
  const was = {
    ...(isMoved ? { file: former.file } : {}),
    ...(a.effect === b.effect ? {} : { effect: a.effect }),
    ...(scopes[0] === scopes[1] ? {} : { scope: scopes[0] }),
  };
  const how = parts.length === 0 ? 'moved' : 'changed';
  return [{ how, ...describe(policy), ...(parts.length === 0 ? {} : { parts }), before: was }];
}

const describe = ({ name, file, effect, json, reads }: CompiledPolicy) => ({
  policy: name,
  file,
  effect,
  scope: scopeOf(json),
  reads: [...reads].map((path) => (path === '*' ? 'the whole context' : path)),
});

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a ?? {}) === JSON.stringify(b ?? {});

function bodyOf({ annotations, ...rest }: PolicyJson): string {
  const { id: _, ...others } = annotations ?? {};
  return JSON.stringify([rest, others]);
}

const scopeOf = ({ principal, action, resource }: PolicyJson): string =>
  [part(principal, 'everybody'), part(action, 'every action'), part(resource, 'every app')].join(', ');

function part(scope: ScopeJson, any: string): string {
  if (scope.op === 'All') return any;
  if ('entities' in scope) return `[${scope.entities.map(uid).join(', ')}]`;
  if (scope.op === 'is') {
    const inside = scope.in && 'entity' in scope.in ? ` in ${uid(scope.in.entity)}` : '';
    return `is ${scope.entity_type}${inside}`;
  }
  return 'entity' in scope ? `${scope.op === 'in' ? 'in ' : ''}${uid(scope.entity)}` : any;
}

function uid(entity: Extract<ScopeJson, { entity: unknown }>['entity']): string {
  const { type, id } = '__entity' in entity ? entity.__entity : entity;
  return type === 'Action' ? id : `${type}::${JSON.stringify(id)}`;
}
