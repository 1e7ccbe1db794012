/**
 * The rules of a grant made ready to be asked, once for each grant (P7). What this gateway does not know is never guessed:
 * a version, a member or a residual of another kind, and rules that are not in their one form, are all refused.
 */
import { Value } from 'typebox/value';
import { PosternError } from '#shared/base/errors.ts';
import type { Evaluate } from '#shared/cedar/ask.ts';
import { compileExpression } from '#shared/cedar/compile-expression.ts';
import { decodeResidual } from '#shared/cedar/residual-form.ts';
import { type ExactRequest, grantRules, type RuleTerm } from '#shared/contracts/grant.ts';

export interface CompiledTerm {
  /** Number of the policy in its version. */
  readonly policy: number;
  /** Undefined: it holds whatever the request is. */
  readonly evaluate: Evaluate | undefined;
}

export interface CompiledRules {
  readonly exact: ExactRequest | undefined;
  readonly permits: readonly CompiledTerm[];
  readonly forbids: readonly CompiledTerm[];
  /** Undefined: there are none. */
  readonly once: readonly CompiledTerm[] | undefined;
}

/** Residuals by their text. Thousands of grants carry the same few. */
export class RuleCompiler {
  readonly #entries: number;
  readonly #known = new Map<string, Evaluate>();

  constructor(entries = 4096) {
    this.#entries = entries;
  }

  get size(): number {
    return this.#known.size;
  }

  /** Undefined when something in them is not known here. `rules`: of a grant whose signature holds. */
  compile(rules: unknown): CompiledRules | undefined {
    if (!Value.Check(grantRules, rules)) return undefined;
    try {
      return {
        exact: rules.exact && judgedAsGet(rules.exact),
        permits: rules.permits.map((term) => this.#term(term)),
        forbids: rules.forbids.map((term) => this.#term(term)),
        once: rules.once?.map((term) => this.#term(term)),
      };
    } catch (error) {
      if (error instanceof PosternError) return undefined;
      throw error;
    }
  }

  #term(term: RuleTerm): CompiledTerm {
    return { policy: term.p, evaluate: term.if === undefined ? undefined : this.#residual(term.if) };
  }

  #residual(form: unknown): Evaluate {
    const text = JSON.stringify(form);
    let evaluate = this.#known.get(text);
    if (evaluate === undefined) {
      ({ evaluate } = compileExpression(decodeResidual(form), { nodes: 0 }));
      // As many again may come: what is in use then is compiled once more, which costs less than to know what is.
      if (this.#known.size >= this.#entries) this.#known.clear();
      this.#known.set(text, evaluate);
    }
    return evaluate;
  }
}

/** Rules and canonical request both know HEAD only as GET. */
const judgedAsGet = (exact: ExactRequest): ExactRequest =>
  exact.method === 'HEAD' ? { ...exact, method: 'GET' } : exact;
