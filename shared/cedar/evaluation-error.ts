/**
 * A policy that cannot be evaluated for a request. It never leaves the engine: `authorize` skips the policy and reports
 * the error beside the decision, as Cedar says. What the caller hands over wrongly is not of this class and is thrown on.
 */

/** What can go wrong, by Cedar's error rules. */
export type EvaluationFault =
  /** An operand of another type than the operator takes. */
  | 'type'
  /** A result beyond 64 bits. */
  | 'overflow'
  /** An attribute that the record or entity does not have. */
  | 'attribute'
  /** A tag that the entity does not have. */
  | 'tag'
  /** An attribute or tag of an entity that was not given. */
  | 'entity'
  /** A text that is no address, decimal, moment or duration, or a result beyond their range. */
  | 'extension'
  /** An extension function called with another number of arguments. */
  | 'arguments';

export class EvaluationError extends Error {
  override readonly name = 'EvaluationError';
  readonly fault: EvaluationFault;

  constructor(fault: EvaluationFault, message: string) {
    super(message);
    this.fault = fault;
  }
}
