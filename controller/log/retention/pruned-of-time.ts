/** What was pruned of a time: whoever searches it, or makes a report of it, hears that not everything is there. */
import type { PrunedShown } from '#shared/contracts/admin-search.ts';
import type { Db } from '../../store/open-store.ts';

/** Times in milliseconds, both inclusive. Undefined when nothing was. */
export async function prunedOfTime(
  db: Db,
  { from = 0, to = Number.MAX_SAFE_INTEGER }: { readonly from?: number | undefined; readonly to?: number | undefined },
): Promise<PrunedShown | undefined> {
  const of = () =>
    db.selectFrom('prunings').where('removed', '>', 0).where('first_time', '<=', to).where('last_time', '>=', from);
  const sum = await of()
    .select(({ fn }) => [
      fn.countAll<number>().as('prunings'),
      fn.sum<number | null>('removed').as('removed'),
      fn.min<number | null>('first_time').as('from'),
      fn.max<number | null>('last_time').as('to'),
    ])
    .executeTakeFirstOrThrow();
  if (sum.from === null || sum.to === null) return undefined;
  const newest = await of().select(['begun', 'record']).orderBy('n', 'desc').limit(1).executeTakeFirstOrThrow();
  return {
    records: Number(sum.removed),
    from: sum.from,
    to: sum.to,
    prunings: Number(sum.prunings),
    newest: newest.record ?? newest.begun,
  };
}
