/** What policies are evaluated against, and a part of a policy made ready to be. */
import type { EntityStore } from './entities.ts';
import type { CedarRecord, EntityUid, Value } from './values.ts';

export interface Ask {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  readonly context: CedarRecord;
  readonly entities: EntityStore;
}

/** Throws `EvaluationError` by Cedar's error rules. */
export type Evaluate = (ask: Ask) => Value;

/** A compiled expression. `constant`: its value when it needs no ask and cannot fail. */
export interface Code {
  readonly evaluate: Evaluate;
  readonly constant?: Value;
}

export type CompileExpression = (expr: unknown) => Code;

/** Takes what stands beside an operator. `compile` is for the expressions in it. */
export type CompileOperator = (operand: unknown, compile: CompileExpression) => Code;
