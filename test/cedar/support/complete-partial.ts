/** What is left of policies evaluated once the unknown is known: with what was certain, the answer of a full evaluation. */
import type { Ask } from '#shared/cedar/ask.ts';
import { type Answer, authorize } from '#shared/cedar/authorize.ts';
import { compilePolicy, type Policy } from '#shared/cedar/compile-policy.ts';
import { compileScope } from '#shared/cedar/compile-scope.ts';
import type { PartialAnswer } from '#shared/cedar/partial-authorize.ts';
import type { Expr, PolicyJson } from '#shared/cedar/policy-json.ts';
import { ScopeIndex } from '#shared/cedar/scope-index.ts';
import { CedarRecord, type Value } from '#shared/cedar/values.ts';

/** `ask`: as before, with a context of what was unknown (`contextOf`). */
export function complete({ satisfied, errors, residuals }: PartialAnswer, ask: Ask): Answer {
  const everywhere = compileScope({ principal: { op: 'All' }, action: { op: 'All' }, resource: { op: 'All' } });
  const certain = satisfied.map((policy) => ({ ...policy, scope: everywhere, holds: () => true }));
  const rest = residuals.map(({ policy, expr }) => ({
    ...policy,
    scope: everywhere,
    holds: compilePolicy(policy.id, whenHolds(policy.effect, expr)).holds,
  }));
  const answer = authorize(new ScopeIndex([...certain, ...rest]), ask);
  return { ...answer, errors: [...errors, ...answer.errors] };
}

function whenHolds(effect: Policy['effect'], body: Expr): PolicyJson {
  const all = { op: 'All' } as const;
  return { effect, principal: all, action: all, resource: all, conditions: [{ kind: 'when', body }] };
}

/** The context in which residuals are evaluated: what was unknown, and nothing else. */
export function contextOf(unknown: ReadonlySet<string>, context: CedarRecord): CedarRecord {
  const members = [...unknown].map((name) => [name, context.members.get(name)] as const);
  const missing = members.find(([, value]) => value === undefined);
  if (missing !== undefined) throw new Error(`the context has no ${missing[0]}, which was unknown before`);
  return new CedarRecord(new Map(members as (readonly [string, Value])[]));
}
