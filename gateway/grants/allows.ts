/**
 * The rules of a grant, evaluated for one request (P7): it passes only if some permit is exactly true and every forbid
 * exactly false. A forbid that errs forbids, a permit that errs does not permit. Pure.
 */
import { EvaluationError } from '#shared/cedar/evaluation-error.ts';
import { Undecidable } from '#shared/cedar/residual-form.ts';
import type { ExactRequest, GrantClaims } from '#shared/contracts/grant.ts';
import { isOnceOperation } from '#shared/wire/operations.ts';
import type { CompiledRules, CompiledTerm } from './compile-rules.ts';
import { type RuledRequest, toResidualAsk } from './residual-ask.ts';

export interface RulesVerdict {
  readonly verdict: 'allow' | 'rules-refused' | 'rules-unknown' | 'once-needed';
  /** Numbers of the policies that determined it, in their version: the permits of an allow, the forbids of a refusal. */
  readonly policies: readonly number[];
}

/** What a grant says to a request of its app. A grant for many serves no request that the app wants granted one by one (P18). */
export function grantAllows(
  { use }: Pick<GrantClaims, 'use'>,
  rules: CompiledRules | undefined,
  ruled: RuledRequest,
): RulesVerdict {
  const { request, app } = ruled;
  if (use === 'many' && app.kind === 'http' && request !== undefined && isOnceOperation(app, request))
    return { verdict: 'once-needed', policies: [] };
  return allows(rules, ruled);
}

export function allows(rules: CompiledRules | undefined, ruled: RuledRequest): RulesVerdict {
  if (rules === undefined) return unknown;
  if (rules.exact !== undefined && !isSame(rules.exact, ruled.request)) return refused;
  const ask = toResidualAsk(ruled);
  try {
    const forbids = rules.forbids.filter((term) => truthOf(term, ask) !== false);
    if (forbids.length > 0) return { verdict: 'rules-refused', policies: forbids.map(({ policy }) => policy) };
    const once = rules.once?.filter((term) => truthOf(term, ask) !== false) ?? [];
    if (once.length > 0) return { verdict: 'once-needed', policies: once.map(({ policy }) => policy) };
    const permits = rules.permits.filter((term) => truthOf(term, ask) === true);
    if (permits.length > 0) return { verdict: 'allow', policies: permits.map(({ policy }) => policy) };
    return refused;
  } catch (error) {
    if (error instanceof Undecidable) return unknown;
    throw error;
  }
}

const unknown: RulesVerdict = { verdict: 'rules-unknown', policies: [] };
const refused: RulesVerdict = { verdict: 'rules-refused', policies: [] };

/** Neither true nor false: it errs, by Cedar's rules, or gives no boolean. */
function truthOf({ evaluate }: CompiledTerm, ask: ReturnType<typeof toResidualAsk>): boolean | 'error' {
  if (evaluate === undefined) return true;
  try {
    const value = evaluate(ask);
    return typeof value === 'boolean' ? value : 'error';
  } catch (error) {
    if (error instanceof EvaluationError) return 'error';
    throw error;
  }
}

function isSame(exact: ExactRequest, request: ExactRequest | undefined): boolean {
  return (
    request !== undefined &&
    exact.method === request.method &&
    exact.host === request.host &&
    exact.path === request.path &&
    exact.query === request.query
  );
}
