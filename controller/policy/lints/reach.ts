/** Whom and what a policy reaches: everyone, everything, or nothing because of another. */
import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { Lint, LintedPolicy } from './lint.ts';
import { readsVariable } from './looks.ts';

export const permitForEveryone: Lint = {
  id: 'permit-for-everyone',
  severity: 'warning',
  about: 'A permit without any condition on who: everybody who can sign in is let in.',
  find: ({ json }) =>
    json.effect === 'permit' && isAny(json.principal) && !readsVariable(json.conditions, 'principal')
      ? [{ message: 'This permit says nothing about who: it is for everybody who can sign in.', at: [['principal']] }]
      : [],
};

export const forbidsEverything: Lint = {
  id: 'forbids-everything',
  severity: 'warning',
  about: 'A forbid without scope and conditions denies every request of everybody.',
  find: (policy) => (forbidsAll(policy) ? [{ message: 'This forbid denies everything to everybody.' }] : []),
};

export const duplicate: Lint = {
  id: 'duplicate-policy',
  severity: 'warning',
  about: 'Two policies that say the same: whoever changes one will wonder why nothing happens.',
  find: (policy, all) => {
    const same = sameAs(all).get(bodyOf(policy.json));
    if (same === undefined || same === policy) return [];
    return [{ message: `This policy says the same as "${same.name}" (${same.file}.cedar, line ${same.line}).` }];
  },
};

export const shadowed: Lint = {
  id: 'shadowed-permit',
  severity: 'warning',
  about: 'A permit that a forbid without conditions covers wholly: it never lets anyone in.',
  find: (policy, all) => {
    if (policy.json.effect !== 'permit') return [];
    const by = bareForbids(all).find((forbid) => covers(forbid.json, policy.json));
    if (by === undefined) return [];
    return [{ message: `The forbid "${by.name}" (${by.file}.cedar, line ${by.line}) denies all that this permits.` }];
  },
};

type ScopePart = PolicyJson['principal'] | PolicyJson['action'] | PolicyJson['resource'];

const isAny = ({ op }: ScopePart): boolean => op === 'All';

function forbidsAll({ json }: LintedPolicy): boolean {
  const { effect, principal, action, resource, conditions } = json;
  return effect === 'forbid' && conditions.length === 0 && [principal, action, resource].every(isAny);
}

const bodyOf = ({ annotations: _, ...rest }: PolicyJson): string => JSON.stringify(rest);

// Each list of policies is looked through once, not once for each of its members.
const first = new WeakMap<readonly LintedPolicy[], ReadonlyMap<string, LintedPolicy>>();
const bare = new WeakMap<readonly LintedPolicy[], readonly LintedPolicy[]>();

function sameAs(all: readonly LintedPolicy[]): ReadonlyMap<string, LintedPolicy> {
  let found = first.get(all);
  if (found === undefined) {
    found = new Map(all.toReversed().map((policy) => [bodyOf(policy.json), policy]));
    first.set(all, found);
  }
  return found;
}

function bareForbids(all: readonly LintedPolicy[]): readonly LintedPolicy[] {
  let found = bare.get(all);
  if (found === undefined) {
    found = all.filter(({ json }) => json.effect === 'forbid' && json.conditions.length === 0);
    bare.set(all, found);
  }
  return found;
}

/** Certain only: the same scope, or none, or the type of the named thing. */
function covers(forbid: PolicyJson, permit: PolicyJson): boolean {
  return (['principal', 'action', 'resource'] as const).every((part) => coversPart(forbid[part], permit[part]));
}

function coversPart(wide: ScopePart, narrow: ScopePart): boolean {
  if (wide.op === 'All' || JSON.stringify(wide) === JSON.stringify(narrow)) return true;
  if (wide.op === 'is' && wide.in === undefined) return narrow.op === 'is' && narrow.entity_type === wide.entity_type;
  return false;
}
