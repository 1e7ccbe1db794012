/** A template with its slots filled: a policy. */
import type { PolicyJson, ScopeJson, UidJson } from './policy-json.ts';
import { refuse } from './refuse.ts';

/** `values`: by the slot's name, `?principal` and `?resource`. Throws `policy-invalid` when they are not just the template's slots. */
export function linkTemplate(template: PolicyJson, values: Readonly<Record<string, UidJson>>): PolicyJson {
  const filled = new Set<string>();
  const fillerOf = (slot: string, own: string): UidJson => {
    const value = slot === own && Object.hasOwn(values, slot) ? values[slot] : undefined;
    if (value === undefined) throw refuse(`The slot ${slot} is not filled.`);
    filled.add(slot);
    return value;
  };
  const fill = (part: ScopeJson, own: string): ScopeJson => {
    if ('slot' in part) return { op: part.op, entity: fillerOf(part.slot, own) };
    if (part.op === 'is' && part.in !== undefined && 'slot' in part.in)
      return { ...part, in: { entity: fillerOf(part.in.slot, own) } };
    return part;
  };
  const linked = {
    ...template,
    principal: fill(template.principal, '?principal'),
    resource: fill(template.resource, '?resource'),
  };
  const unused = Object.keys(values).find((slot) => !filled.has(slot));
  if (unused !== undefined) throw refuse(`The template has no slot ${unused.slice(0, 100)}.`);
  return linked;
}
