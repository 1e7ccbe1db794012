/** A policy store as a decision point. Cedar's own semantics: a policy that errs is skipped, and named in the answer. */
import { asPosternError } from '#shared/base/errors.ts';
import { type Answer, authorize } from '#shared/cedar/authorize.ts';
import { askStore, nameOfAction } from './ask-store.ts';
import type { CompiledStore } from './build-store.ts';
import { type Candidate, type Decided, type DecisionPoint, denyForFault } from './decision-point.ts';
import type { Evaluation, Search } from './read-request.ts';

export function storePoint(store: CompiledStore): DecisionPoint {
  const evaluate = (asked: Evaluation): Decided => {
    try {
      return explain(authorize(store.index, askStore(store, asked)));
    } catch (error) {
      const { code, message } = asPosternError(error);
      // What the request is at fault for; anything else is ours, and answered with 500.
      if (code !== 'policy-invalid') throw error;
      return denyForFault(message);
    }
  };
  return { evaluate, candidates: (search, after) => listCandidates(store, evaluate, search, after) };
}

const mostNamed = 20;

function explain({ decision, determining, errors }: Answer): Decided {
  const policies = determining.map(({ id }) => id).sort();
  const failed = errors.map(({ policy }) => policy.id).sort();
  const permits = decision === 'allow';
  const reason = permits ? 'policy-permit' : policies.length > 0 ? 'policy-forbid' : 'no-permit';
  const words = [
    policies.length === 0 ? 'No policy permits it.' : `${permits ? 'Permitted' : 'Forbidden'} by ${list(policies)}.`,
    failed.length === 0 ? '' : `Not evaluated, for it failed: ${list(failed)}.`,
  ];
  const context = { reason, reason_admin: { en: words.join(' ').trim() } };
  return { decision: permits, context, policies };
}

function list(ids: readonly string[]): string {
  const more = ids.length > mostNamed ? ` and ${ids.length - mostNamed} more` : '';
  return ids.slice(0, mostNamed).join(', ') + more;
}

function* listCandidates(
  store: CompiledStore,
  evaluate: (asked: Evaluation) => Decided,
  { kind, about }: Search,
  after: string | undefined,
): Iterable<Candidate> {
  if (kind === 'action') {
    for (const uid of store.actions) {
      if (after !== undefined && uid.key <= after) continue;
      const action = { ...about.action, name: nameOfAction(store, uid) };
      const test = () => (evaluate({ ...about, action }).decision ? { name: action.name } : undefined);
      yield { cursor: uid.key, test };
    }
    return;
  }
  const { type, properties } = about[kind];
  const ids = store.known.get(type) ?? [];
  for (let at = after === undefined ? 0 : firstBehind(ids, after); at < ids.length; at++) {
    const id = ids[at]!;
    const test = () => (evaluate({ ...about, [kind]: { type, id, properties } }).decision ? { type, id } : undefined);
    yield { cursor: id, test };
  }
}

function firstBehind(ids: readonly string[], after: string): number {
  let [low, high] = [0, ids.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ids[middle]! <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}
