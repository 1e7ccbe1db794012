/**
 * Whether a residual could come out as wanted for some request. False is certain, true says "perhaps". One that errs comes
 * out as neither: so a permit that can never be true permits nothing, and a forbid that can never be false always forbids (P7).
 */
import { termsOf } from './compile-logic.ts';
import type { Expr } from './policy-json.ts';

export function canBe(wanted: boolean, expr: Expr): boolean {
  const [name, held] = Object.entries(expr)[0]!;
  switch (name) {
    case 'Value':
      return held === wanted;
    case '&&':
    case '||': {
      const terms = termsOf(name, held) as Expr[];
      // The value that goes on to the next term has to come from each term before the last one looked at.
      const goesOn = name === '&&';
      if (wanted === goesOn) return terms.every((term) => canBe(wanted, term));
      const reached = terms.findIndex((term) => !canBe(goesOn, term));
      return terms.slice(0, reached < 0 ? undefined : reached + 1).some((term) => canBe(wanted, term));
    }
    case '!':
      return canBe(!wanted, (held as { arg: Expr }).arg);
    case 'if-then-else': {
      const choice = held as { if: Expr; then: Expr; else: Expr };
      return (
        (canBe(true, choice.if) && canBe(wanted, choice.then)) ||
        (canBe(false, choice.if) && canBe(wanted, choice.else))
      );
    }
    default:
      return true;
  }
}
