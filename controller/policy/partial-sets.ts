/** A policy set made ready to be decided in part, for each combination of what can be unknown. */
import type { Shape } from '#shared/cedar/never-errs.ts';
import { PartialPolicies } from '#shared/cedar/partial-authorize.ts';
import type { ScopeIndex } from '#shared/cedar/scope-index.ts';
import type { CompiledPolicy } from './policy-set.ts';

const combinations = ['', 'request', 'network', 'request network'] as const;
/** Names of the members of the context that are not known. */
export type UnknownParts = (typeof combinations)[number];

/** What the gateway promises to have (`policySchemaText`), so that a term about it is known never to err. */
const shape: Shape = new Map([
  ['request.method', 'string'],
  ['request.host', 'string'],
  ['request.path', 'string'],
  ['request.query', 'string'],
  ['request.operation', 'string'],
  ['network.address', 'ipaddr'],
]);

export function partialSets(
  index: ScopeIndex,
  byName: ReadonlyMap<string, CompiledPolicy>,
): (unknown: UnknownParts) => PartialPolicies {
  const sets = new Map<UnknownParts, PartialPolicies>();
  for (const parts of combinations) {
    const names = new Set(parts.split(' ').filter((name) => name !== ''));
    sets.set(parts, new PartialPolicies(index, ({ id }) => byName.get(id)!.json, { names, shape }));
  }
  return (unknown) => sets.get(unknown)!;
}
