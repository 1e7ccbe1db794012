/** What decisions are made with, beside the store: the policy set in force and what never changes about the organisation. */
import type { PolicySet } from '../policy/policy-set.ts';

export interface Decider {
  /** The set in force; undefined denies everything. */
  readonly policy: () => PolicySet | undefined;
  /** IANA name. */
  readonly timezone: string;
}
