/** The policies whose whole scope matches a question: who asks, what is done, which app. */
import { askOf } from './ask-of.ts';
import type { Question } from './facts.ts';
import type { CompiledPolicy, PolicySet } from './policy-set.ts';

export function policiesInScope(set: PolicySet, question: Question): readonly CompiledPolicy[] {
  return set.index.inScope(askOf(question)).map(({ id }) => set.byName.get(id)!);
}
