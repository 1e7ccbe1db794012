/** A policy version that has been read and found valid: an immutable value, swapped whole (invariant 6). */
import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';

/** An entity of the schema that a policy names. */
export interface EntityName {
  readonly type: string;
  readonly id: string;
}

/** `principal` or `resource` of a policy's scope: all, one entity, or those in one. */
export type ScopePart =
  | { readonly op: 'all' }
  | { readonly op: 'none' }
  | { readonly op: '=='; readonly entity: EntityName }
  | { readonly op: 'in'; readonly entity: EntityName };

export interface CompiledPolicy {
  /** `@id`, or `<file>#<index>`. */
  readonly name: string;
  readonly file: string;
  /** First line, from 1. */
  readonly line: number;
  readonly effect: 'permit' | 'forbid';
  readonly text: string;
  /** As it would be for the request that suits best; absent when it does not look at the request. */
  readonly assumed?: PolicyJson;
  readonly principal: ScopePart;
  readonly resource: ScopePart;
  /** Actions it can match; undefined means every one. */
  readonly actions: readonly string[] | undefined;
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
  readonly file: string;
  readonly policy?: string;
  /** From 1, within the file. */
  readonly line?: number;
  readonly message: string;
}

export interface PolicySet {
  readonly epoch: number;
  readonly policies: readonly CompiledPolicy[];
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
