/** Comparing what grants allow, by their text alone (P14): what cannot be compared counts as narrower. */
import type { ExactRequest, GrantRules, RuleTerm } from '#shared/contracts/grant.ts';

/** False only when everything that `before` lets pass is let pass by `after`. */
export function isNarrower(before: GrantRules, after: GrantRules): boolean {
  return (
    !servesAll(before.exact, after.exact) ||
    !before.permits.every((term) => after.permits.some((wider) => covers(wider, term))) ||
    !isWithin(after.forbids, before.forbids) ||
    !isWithin(after.once, before.once)
  );
}

/** What both let pass; undefined when no permit is left for certain. */
export function narrowBoth(a: GrantRules, b: GrantRules): GrantRules | undefined {
  if (!servesAll(a.exact, b.exact)) return undefined;
  const permits = [...within(a, b), ...within(b, a).filter((term) => !a.permits.some((other) => isSame(other, term)))];
  const once = join(a.once, b.once);
  if (permits.length === 0) return undefined;
  return { ...a, permits, forbids: join(a.forbids, b.forbids), ...(once.length === 0 ? {} : { once }) };
}

const isWithin = (terms: readonly RuleTerm[] = [], others: readonly RuleTerm[] = []): boolean =>
  terms.every((term) => others.some((other) => isSame(other, term)));

const join = (a: readonly RuleTerm[] = [], b: readonly RuleTerm[] = []): RuleTerm[] => [
  ...a,
  ...b.filter((term) => !a.some((other) => isSame(other, term))),
];

const within = ({ permits }: GrantRules, other: GrantRules): RuleTerm[] =>
  permits.filter((term) => other.permits.some((wider) => covers(wider, term)));

/** Numbers say nothing: another version counts its policies anew. */
const covers = (wider: RuleTerm, term: RuleTerm): boolean => wider.if === undefined || isSame(wider, term);

const isSame = (a: RuleTerm, b: RuleTerm): boolean =>
  (a.if === undefined) === (b.if === undefined) && JSON.stringify(a.if) === JSON.stringify(b.if);

function servesAll(before: ExactRequest | undefined, after: ExactRequest | undefined): boolean {
  if (after === undefined) return true;
  if (before === undefined) return false;
  return (
    before.method === after.method &&
    before.host === after.host &&
    before.path === after.path &&
    before.query === after.query
  );
}
