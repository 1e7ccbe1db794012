/**
 * A policy as it would be in the best of cases: every condition on the request, or on the whole context, is replaced by the
 * value that helps to allow. What is denied even so is denied for every request; what is allowed says "perhaps", for lists
 * and explanations.
 */
import type { Expr, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { readsContext } from './read-policy.ts';

/** What is left is who asks and for which app. */
export const assumeContext = (json: PolicyJson): PolicyJson => assumeAll(json, (body) => readsContext(body));

type Looks = (body: Expr) => boolean;

function assumeAll(json: PolicyJson, looks: Looks): PolicyJson {
  const helps = json.effect === 'permit';
  return {
    ...json,
    conditions: json.conditions.map(({ kind, body }) => ({
      kind,
      body: assume(body, kind === 'when' ? helps : !helps, looks),
    })),
  };
}

/** `body` with everything that `looks` replaced, as near to `wanted` as it could be made. */
function assume(body: Expr, wanted: boolean, looks: Looks): Expr {
  if (!looks(body)) return body;
  if ('&&' in body) return { '&&': both(body['&&'], wanted, looks) } as Expr;
  if ('||' in body) return { '||': both(body['||'], wanted, looks) } as Expr;
  if ('!' in body) return { '!': { arg: assume((body['!'] as { arg: Expr }).arg, !wanted, looks) } } as Expr;
  if ('if-then-else' in body) return choose(body['if-then-else'] as Choice, wanted, looks);
  return { Value: wanted };
}

function both(operands: unknown, wanted: boolean, looks: Looks): { left: Expr; right: Expr } {
  const { left, right } = operands as { left: Expr; right: Expr };
  return { left: assume(left, wanted, looks), right: assume(right, wanted, looks) };
}

interface Choice {
  readonly if: Expr;
  readonly then: Expr;
  readonly else: Expr;
}

/** Where the test is unknown, either branch may be taken. */
function choose({ if: test, then, else: otherwise }: Choice, wanted: boolean, looks: Looks): Expr {
  const branches = { left: assume(then, wanted, looks), right: assume(otherwise, wanted, looks) };
  if (looks(test)) return { [wanted ? '||' : '&&']: branches } as unknown as Expr;
  // As `(test && then) || (!test && otherwise)`.
  const { left, right } = branches;
  const no = { '!': { arg: test } };
  const either = { left: { '&&': { left: test, right: left } }, right: { '&&': { left: no, right } } };
  return { '||': either } as Expr;
}
