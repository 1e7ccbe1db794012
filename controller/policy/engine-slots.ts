/**
 * Prepared policy sets inside the official engine. The engine keeps what it prepared for ever under a name, so names are
 * a fixed number of slots that are taken over, oldest first: memory stays bounded however often policies are published.
 * The engine is one per process by its nature; so is this table of what its slots hold.
 */
import { type Policy, preparsePolicySet } from '@cedar-policy/cedar-wasm/nodejs';

const slotCount = 256;
const slotOf = new WeakMap<Subset, number>();
const holders: (WeakRef<Subset> | undefined)[] = new Array(slotCount);
let nextSlot = 0;

/** Policies that are decided together, by name. */
export interface Subset {
  readonly texts: Readonly<Record<string, Policy>>;
}

/** The id under which the engine holds this subset now. Throws when the engine does not take it, which compiling excludes. */
export function preparedId(subset: Subset): string {
  const known = slotOf.get(subset);
  if (known !== undefined && holders[known]?.deref() === subset) return `postern-${known}`;
  const slot = nextSlot;
  nextSlot = (nextSlot + 1) % slotCount;
  // Emptied first: if preparing throws, nobody may believe that the slot still holds its former subset.
  holders[slot] = undefined;
  const answer = preparsePolicySet(`postern-${slot}`, { staticPolicies: { ...subset.texts } });
  if (answer.type !== 'success')
    throw new Error(`the engine refused a compiled policy: ${answer.errors[0]?.message ?? 'no reason given'}`);
  holders[slot] = new WeakRef(subset);
  slotOf.set(subset, slot);
  return `postern-${slot}`;
}
