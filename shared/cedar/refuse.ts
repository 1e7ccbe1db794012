/** What the engine will not take: a construct that it does not know, a text of another shape, more than its limits. */
import { PosternError } from '#shared/base/errors.ts';

/** Bounds what one policy, and one value, may cost. A chain of `&&` or `||` is not deep, however long it is. */
export const cedarLimits = {
  /** Operators and literals in one policy. */
  nodes: 100_000,
  /** Operators inside operators; records and sets inside each other. */
  depth: 250,
  /** Ancestors of all entities together: each keeps its own. */
  ancestors: 4_000_000,
} as const;

export function refuse(why: string): PosternError {
  return new PosternError('policy-invalid', why, { tell: why });
}
