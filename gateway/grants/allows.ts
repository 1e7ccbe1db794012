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
  // Most terms have nothing left to ask.
  let ask: ResidualAsk | undefined;
  const truthOf = ({ evaluate }: CompiledTerm) => {
    if (evaluate === undefined) return true;
    ask ??= toResidualAsk(ruled);
    return evaluated(evaluate, ask);
  };
  try {
    const forbids = policiesOf(rules.forbids, (term) => truthOf(term) !== false);
    if (forbids.length > 0) return { verdict: 'rules-refused', policies: forbids };
    const once = policiesOf(rules.once, (term) => truthOf(term) !== false);
    if (once.length > 0) return { verdict: 'once-needed', policies: once };
    const permits = policiesOf(rules.permits, (term) => truthOf(term) === true);
    return permits.length > 0 ? { verdict: 'allow', policies: permits } : refused;
  } catch (error) {
    if (error instanceof Undecidable) return unknown;
    throw error;
  }
}

type ResidualAsk = ReturnType<typeof toResidualAsk>;

const unknown: RulesVerdict = { verdict: 'rules-unknown', policies: [] };
const refused: RulesVerdict = { verdict: 'rules-refused', policies: [] };

const none: readonly number[] = [];

/** Numbers of the policies that the terms which pass `test` are of. */
function policiesOf(terms: readonly CompiledTerm[] | undefined, test: (term: CompiledTerm) => boolean) {
  if (terms === undefined || terms.length === 0) return none;
  const policies: number[] = [];
  for (const term of terms) if (test(term)) policies.push(term.policy);
  return policies;
}

/** Neither true nor false: it errs, by Cedar's rules, or gives no boolean. */
function evaluated(evaluate: NonNullable<CompiledTerm['evaluate']>, ask: ResidualAsk): boolean | 'error' {
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
