/** What a lint is: something that a policy says and that its author hardly means. It never refuses what may be meant. */
import type { Known } from '../known.ts';
import type { ParsedPolicy } from '../parse-policies.ts';
import type { Look } from './looks.ts';

export interface LintedPolicy extends ParsedPolicy {
  /** Its comparisons with literals. */
  readonly looks: readonly Look[];
}

export interface Finding {
  readonly message: string;
  /** Words of the policy's text to point at, the first choice first; the whole policy when none of them stands there. */
  readonly at?: readonly (readonly string[])[];
}

export interface Lint {
  /** What `@allow("...")` names. */
  readonly id: string;
  /** An error stops publishing and cannot be silenced. */
  readonly severity: 'warning' | 'error';
  /** For the reference. */
  readonly about: string;
  /** `all`: every policy of the version. `known`: absent when names are not looked up. */
  readonly find: (policy: LintedPolicy, all: readonly LintedPolicy[], known: Known | undefined) => readonly Finding[];
}
