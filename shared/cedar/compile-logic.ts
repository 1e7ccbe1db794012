/** `&&`, `||`, `!` and `if`: the operators that leave part of their operands unevaluated. */
import type { Code, CompileOperator, Evaluate } from './ask.ts';
import { asBool } from './expect-type.ts';
import { membersOf, oneOf, twoOf } from './operands.ts';

/** The terms of a chain, from left to right, however it was put in brackets. Without recursion: it is as long as its author likes. */
export function termsOf(operator: '&&' | '||', operand: unknown): unknown[] {
  const terms: unknown[] = [];
  const waiting: unknown[] = [{ [operator]: operand }];
  while (waiting.length > 0) {
    const expr = waiting.pop();
    if (typeof expr === 'object' && expr !== null && Object.hasOwn(expr, operator) && Object.keys(expr).length === 1) {
      const { left, right } = twoOf((expr as Readonly<Record<string, unknown>>)[operator]);
      waiting.push(right, left);
    } else terms.push(expr);
  }
  return terms;
}

/** Evaluated in a loop, not on the stack: each term must be a boolean, and the first that decides ends it. */
const chain =
  (operator: '&&' | '||'): CompileOperator =>
  (operand, compile) => {
    const decides = operator === '||';
    const terms = termsOf(operator, operand).map((term) => compile(term).evaluate);
    const [first, second] = terms as [Evaluate, Evaluate];
    if (terms.length === 2)
      return { evaluate: (ask) => (asBool(first(ask)) === decides ? decides : asBool(second(ask))) };
    return {
      evaluate: (ask) => {
        for (const term of terms) if (asBool(term(ask)) === decides) return decides;
        return !decides;
      },
    };
  };

const not: CompileOperator = (operand, compile) => {
  const { evaluate } = compile(oneOf(operand).arg);
  return { evaluate: (ask) => !asBool(evaluate(ask)) };
};

const ifThenElse: CompileOperator = (operand, compile): Code => {
  const parts = membersOf(operand, ['if', 'then', 'else']);
  const test = compile(parts['if']).evaluate;
  const then = compile(parts['then']).evaluate;
  const otherwise = compile(parts['else']).evaluate;
  return { evaluate: (ask) => (asBool(test(ask)) ? then(ask) : otherwise(ask)) };
};

export const logicOperators: Readonly<Record<string, CompileOperator>> = {
  '&&': chain('&&'),
  '||': chain('||'),
  '!': not,
  'if-then-else': ifThenElse,
};
