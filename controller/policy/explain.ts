/**
 * Why something was decided as it was: the policies that determined it and how each of their conditions stood, the facts that
 * they looked at, and for a deny the smallest changes that would allow it. For admins and auditors; what an employee reads is in `fixes.ts`.
 */

import { compileExpression } from '#shared/cedar/compile-expression.ts';
import { termsOf } from '#shared/cedar/compile-logic.ts';
import { EvaluationError } from '#shared/cedar/evaluation-error.ts';
import type { Expr } from '#shared/cedar/policy-json.ts';
import { askOf } from './ask-of.ts';
import type { Verdict } from './decide.ts';
import { type FactNote, noteFacts } from './fact-notes.ts';
import type { Question } from './facts.ts';
import { policiesInScope } from './in-scope.ts';
import type { CompiledPolicy, PolicySet } from './policy-set.ts';
import { readsContext } from './read-policy.ts';
import { showExpr } from './show-expr.ts';
import { opposite } from './wanted.ts';

export interface ConditionNote {
  readonly text: string;
  /** `open`: it looks at the request or the network, and that was not known: each request is judged at the gateway. */
  readonly outcome: 'true' | 'false' | 'open' | 'error';
  readonly error?: string;
}

export interface PolicyNote {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly effect: 'permit' | 'forbid';
  readonly reason?: string;
  readonly tell?: string;
  readonly outcome: 'holds' | 'does-not-hold' | 'open' | 'errs';
  /** It holds when all of them are true. */
  readonly conditions: readonly ConditionNote[];
}

export interface Explanation {
  readonly verdict: Verdict;
  /** Those that determined or failed it; when nothing permits, the permits that could have. */
  readonly policies: readonly PolicyNote[];
  readonly facts: readonly FactNote[];
}

const maxPolicies = 16;
const maxConditions = 32;

/** `verdict`: of these policies for this question. */
export function explainVerdict(set: PolicySet | undefined, question: Question, verdict: Verdict): Explanation {
  const policies = set === undefined ? [] : concerned(set, question, verdict).slice(0, maxPolicies);
  return {
    verdict,
    policies: policies.map((policy) => notePolicy(policy, question)),
    facts: noteFacts(policies, question),
  };
}

function concerned(set: PolicySet, question: Question, { reasons, policies, errors }: Verdict): CompiledPolicy[] {
  const inScope = policiesInScope(set, question);
  const erring = (policy: CompiledPolicy) => errors.some((error) => error.startsWith(`${policy.name}: `));
  if (policies.length > 0) return inScope.filter((policy) => policies.includes(policy.name) || erring(policy));
  return reasons[0] === 'no-permit' ? inScope.filter(({ effect }) => effect === 'permit') : [];
}

function notePolicy(policy: CompiledPolicy, question: Question): PolicyNote {
  const { name, file, line, effect, reason, tell } = policy;
  const ask = askOf(question);
  const conditions = conditionsOf(policy)
    .slice(0, maxConditions)
    .map((condition) => noteCondition(condition, question, ask));
  return {
    name,
    file,
    line,
    effect,
    ...(reason === undefined ? {} : { reason }),
    ...(tell === undefined ? {} : { tell }),
    outcome: outcomeOf(conditions),
    conditions,
  };
}

/** The first that does not hold ends it; what is open before that may hold. */
function outcomeOf(conditions: readonly ConditionNote[]): PolicyNote['outcome'] {
  const outcomes = conditions.map(({ outcome }) => outcome);
  const ending = outcomes.find((outcome) => outcome === 'false' || outcome === 'error');
  if (ending === 'false') return 'does-not-hold';
  if (outcomes.includes('open')) return 'open';
  return ending === 'error' ? 'errs' : 'holds';
}

interface Condition {
  readonly expr: Expr;
  readonly wanted: boolean;
}

/** The policy holds when each of them is as wanted. */
function conditionsOf({ json }: CompiledPolicy): Condition[] {
  return json.conditions.flatMap(({ kind, body }) => split(body, kind === 'when'));
}

function split(expr: Expr, wanted: boolean): Condition[] {
  const operator = wanted ? '&&' : '||';
  if (operator in expr) return termsOf(operator, expr[operator]).flatMap((term) => split(term as Expr, wanted));
  if ('!' in expr) return split((expr['!'] as { arg: Expr }).arg, !wanted);
  return [{ expr, wanted }];
}

const unknownParts = ({ act, request, networkUnknown }: Question): string[] => [
  ...(act === 'request' && request === undefined ? ['request'] : []),
  ...(networkUnknown === true ? ['network'] : []),
];

const looksAt = (expr: Expr, part: string): boolean =>
  readsContext(expr as unknown as Parameters<typeof readsContext>[0], part);

function noteCondition({ expr, wanted }: Condition, question: Question, ask: ReturnType<typeof askOf>): ConditionNote {
  const [operator = ''] = Object.keys(expr);
  const other = opposite[operator];
  const shown = wanted
    ? showExpr(expr)
    : showExpr(other === undefined ? { '!': { arg: expr } } : { [other]: expr[operator] });
  if (unknownParts(question).some((part) => looksAt(expr, part))) return { text: shown, outcome: 'open' };
  try {
    const value = compileExpression(expr, { nodes: 0 }).evaluate(ask);
    if (typeof value !== 'boolean') return { text: shown, outcome: 'error', error: 'it is neither true nor false' };
    return { text: shown, outcome: value === wanted ? 'true' : 'false' };
  } catch (error) {
    if (error instanceof EvaluationError) return { text: shown, outcome: 'error', error: error.message };
    return { text: shown, outcome: 'error', error: error instanceof Error ? error.message : String(error) };
  }
}
