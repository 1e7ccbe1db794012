/** A policy version that has been read and found valid: an immutable value, swapped whole (invariant 6). */
import type { PartialPolicies } from '#shared/cedar/partial-authorize.ts';
import type { PolicyJson } from '#shared/cedar/policy-json.ts';
import type { ScopeIndex } from '#shared/cedar/scope-index.ts';
import type { UnknownParts } from './partial-sets.ts';

/** An entity of the schema that a policy names. */
export interface EntityName {
  readonly type: string;
  readonly id: string;
}

export interface CompiledPolicy {
  /** `@id`, or `<file>#<index>`. */
  readonly name: string;
  /** Its place in the version, from 0: what grants call it. */
  readonly number: number;
  readonly file: string;
  /** First line, from 1. */
  readonly line: number;
  readonly effect: 'permit' | 'forbid';
  /** `@reason`: what it is for, in words for admins and auditors. */
  readonly reason?: string;
  /** `@tell`: what employees may read when it stands in their way. Only this text of a policy ever reaches them (P12). */
  readonly tell?: string;
  /** `@authorization("once")`: what it permits is granted request by request, each for one use (P18). */
  readonly once: boolean;
  /** What was compiled, for explanations. */
  readonly json: PolicyJson;
  /** Dotted paths of the context that its conditions look at, two levels deep; `*` when it takes the context whole. */
  readonly reads: ReadonlySet<string>;
  /** Integer literals: the thresholds that ages can cross. */
  readonly longs: readonly number[];
  /** Moments named by `datetime("...")` literals, in milliseconds. */
  readonly moments: readonly number[];
  /** True when an age or `time.now` is used otherwise than beside a literal: it may turn at moments that no literal names. */
  readonly computes: boolean;
  /** String literals: names of checks among them. */
  readonly strings: readonly string[];
  readonly entities: readonly EntityName[];
}

export interface PolicyProblem {
  readonly severity: 'error' | 'warning';
  /** Name without `.cedar`; of a file of tests with its ending, `payroll.tests.yaml`. Empty when no one file is at fault. */
  readonly file: string;
  readonly policy?: string;
  /** From 1, within the file. */
  readonly line?: number;
  /** From 1, in characters. */
  readonly column?: number;
  /** Characters at fault from there. */
  readonly length?: number;
  /** The line, cut when it is long, and the column in it. */
  readonly source?: string;
  readonly sourceColumn?: number;
  /** The rule that warns: `@allow("<lint>")` on the policy silences it. */
  readonly lint?: string;
  readonly message: string;
}

export interface PolicySet {
  readonly epoch: number;
  readonly policies: readonly CompiledPolicy[];
  readonly byName: ReadonlyMap<string, CompiledPolicy>;
  /** What decides. */
  readonly index: ScopeIndex;
  /** The same, while some of the context is unknown. */
  readonly partly: (unknown: UnknownParts) => PartialPolicies;
  /** Some policy is for one use at a time. */
  readonly hasOnce: boolean;
  readonly warnings: readonly PolicyProblem[];
}

/** True when one of the policies looks at this part of the context (`request`, `session.signInAge`). */
export function readsPart(policies: readonly CompiledPolicy[], part: string): boolean {
  const top = part.split('.')[0] ?? part;
  return policies.some(({ reads }) => {
    if (reads.has('*') || reads.has(part) || reads.has(top)) return true;
    if (part !== top) return false;
    for (const path of reads) if (path.startsWith(`${top}.`)) return true;
    return false;
  });
}
