/**
 * A policy as it would be for the request that suits best: every condition on the request is replaced by the value that
 * helps to allow. What is denied even so is denied for every request; what is allowed says "perhaps", for lists and
 * explanations.
 */
import type { Expr, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { readsContext } from './read-policy.ts';

export function assumeRequest(json: PolicyJson): PolicyJson {
  const helps = json.effect === 'permit';
  return {
    ...json,
    conditions: json.conditions.map(({ kind, body }) => ({
      kind,
      body: assume(body, kind === 'when' ? helps : !helps),
    })),
  };
}

/** `body` with everything about the request replaced, as near to `wanted` as some request could make it. */
function assume(body: Expr, wanted: boolean): Expr {
  if (!readsContext(body, 'request')) return body;
  if ('&&' in body) return { '&&': both(body['&&'], wanted) } as Expr;
  if ('||' in body) return { '||': both(body['||'], wanted) } as Expr;
  if ('!' in body) return { '!': { arg: assume((body['!'] as { arg: Expr }).arg, !wanted) } } as Expr;
  return { Value: wanted };
}

function both(operands: unknown, wanted: boolean): { left: Expr; right: Expr } {
  const { left, right } = operands as { left: Expr; right: Expr };
  return { left: assume(left, wanted), right: assume(right, wanted) };
}
