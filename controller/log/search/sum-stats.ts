/** Sums as an answer: the largest first, or in the order of time; shares of all that was found. */
import type { SumField } from '#shared/contracts/admin-search.ts';
import type { Stats } from './run-stats.ts';

/** Without `by` there is only the total. */
export function sumStats({ total, having, sums, whole, from }: Stats, by: SumField | undefined, top: number) {
  const inTime = by === 'hour' || by === 'day';
  const all = by === undefined ? [] : [...sums];
  all.sort(([a, m], [b, n]) => (inTime ? (a < b ? 1 : -1) : n - m || (a < b ? -1 : 1)));
  const rest = all.slice(top);
  return {
    total,
    ...(by === undefined ? {} : { by }),
    having: by === undefined ? total : having,
    rows: all.slice(0, top).map(([value, count]) => ({ value, count, share: total === 0 ? 0 : count / total })),
    others: { values: rest.length, count: rest.reduce((sum, [, count]) => sum + count, 0) },
    whole,
    ...(from === undefined ? {} : { from }),
  };
}
