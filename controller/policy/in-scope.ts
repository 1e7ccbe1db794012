/**
 * Which policies can matter: the engine is asked only about those whose scope can match the app and the action, so that a
 * decision costs the same with ten policies of other apps as with a thousand. Leaving the others out changes no verdict:
 * a policy whose scope does not match is neither satisfied nor in error.
 */
import type { Subset } from './engine-slots.ts';
import type { AppFacts, Question } from './facts.ts';
import type { CompiledPolicy, PolicySet, ScopePart } from './policy-set.ts';

export interface ScopedPolicies extends Subset {
  readonly policies: readonly CompiledPolicy[];
  /** What any of them looks at. */
  readonly reads: ReadonlySet<string>;
  /** The same, as if the request were the one that suits best. */
  readonly assumed: Subset;
}

interface Cache {
  /** By app and action as asked. */
  readonly byApp: Map<string, ScopedPolicies>;
  /** By the list of policies: apps with the same policies share what the engine prepared. */
  readonly byList: Map<string, ScopedPolicies>;
}
const caches = new WeakMap<PolicySet, Cache>();
// Asked-for apps may not exist: their names are a peer's choice and must not fill the memory.
const cacheLimit = 10_000;

/** Policies whose scope can match this app and action, whoever asks. */
export function policiesOfApp(set: PolicySet, app: AppFacts, act: string): ScopedPolicies {
  let cache = caches.get(set);
  if (cache === undefined) {
    cache = { byApp: new Map(), byList: new Map() };
    caches.set(set, cache);
  }
  const key = `${act} ${app.id} ${app.groups.join(' ')}`;
  const known = cache.byApp.get(key);
  if (known !== undefined) return known;
  const resource = { type: 'App', id: app.id, parents: app.groups, parentType: 'AppGroup' };
  const matching = set.policies.filter(
    (policy) => (policy.actions?.includes(act) ?? true) && matches(policy.resource, resource),
  );
  const list = matching.map(({ name }) => name).join('\n');
  let scoped = cache.byList.get(list);
  if (scoped === undefined) {
    scoped = {
      policies: matching,
      reads: new Set(matching.flatMap(({ reads }) => [...reads])),
      texts: Object.fromEntries(matching.map(({ name, text }) => [name, text])),
      assumed: { texts: Object.fromEntries(matching.map(({ name, text, assumed }) => [name, assumed ?? text])) },
    };
    if (cache.byList.size >= cacheLimit) cache.byList.clear();
    cache.byList.set(list, scoped);
  }
  if (cache.byApp.size >= cacheLimit) cache.byApp.clear();
  cache.byApp.set(key, scoped);
  return scoped;
}

/** Policies whose whole scope matches: who asks, what is done, which app. */
export function policiesInScope(set: PolicySet, question: Question): readonly CompiledPolicy[] {
  const { person } = question.facts;
  const principal = { type: 'Person', id: person.id, parents: person.groups ?? [], parentType: 'Group' };
  return policiesOfApp(set, question.app, question.act).policies.filter((policy) =>
    matches(policy.principal, principal),
  );
}

interface Named {
  readonly type: string;
  readonly id: string;
  readonly parents: readonly string[];
  readonly parentType: string;
}

function matches(part: ScopePart, asked: Named): boolean {
  if (part.op === 'all') return true;
  if (part.op === 'none') return false;
  const { type, id } = part.entity;
  const same = type === asked.type && id === asked.id;
  if (part.op === '==') return same;
  // In Cedar an entity is in itself.
  return same || (type === asked.parentType && asked.parents.includes(id));
}
