/** What answers AuthZEN requests: our own schema, or a policy store. */
import type { JsonObject } from './read-json.ts';
import type { Evaluation, Search } from './read-request.ts';

export interface Decided {
  readonly decision: boolean;
  /** The response's context. */
  readonly context?: Readonly<Record<string, unknown>>;
  /** For the record, when evaluations are recorded. */
  readonly policies: readonly string[];
}

export type Found =
  | { readonly type: string; readonly id: string; readonly properties?: JsonObject }
  | { readonly name: string };

export interface Candidate {
  /** Where the search goes on behind it; candidates come in the order of it. */
  readonly cursor: string;
  /** What the search finds if it is permitted. */
  readonly test: () => Promise<Found | undefined> | Found | undefined;
}

export interface DecisionPoint {
  evaluate(asked: Evaluation): Promise<Decided> | Decided;
  /** All that could be found, behind `after`. */
  candidates(search: Search, after: string | undefined): AsyncIterable<Candidate> | Iterable<Candidate>;
}

/** A deny that says what in the request is at fault: the "errors in individual evaluations" of the standard. */
export function denyForFault(message: string, status = 400): Decided {
  return { decision: false, context: { error: { status, message } }, policies: [] };
}
