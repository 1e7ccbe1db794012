/** Records with a time that cannot be true, of which that or their arrival lies in a time that somebody asks about: whether they belong there nobody knows. */
import type { MisdatedShown } from '#shared/contracts/admin-search.ts';
import type { Db } from '../store/open-store.ts';

/** Times in milliseconds, both inclusive. Undefined when there are none. */
export async function misdatedOfTime(
  db: Db,
  { from = 0, to = Number.MAX_SAFE_INTEGER }: { readonly from?: number | undefined; readonly to?: number | undefined },
): Promise<MisdatedShown | undefined> {
  const rows = await db
    .selectFrom('gateway_doubts')
    .select(['sums', 'record', 'gateway_id'])
    .where('event', '=', 'record-misdated')
    .where(({ and, eb, or }) =>
      or([
        and([eb('first_time', '<=', to), eb('last_time', '>=', from)]),
        and([eb('first_arrived', '<=', to), eb('last_arrived', '>=', from)]),
      ]),
    )
    .orderBy('n')
    .execute();
  if (rows.length === 0) return undefined;
  const newest = rows.findLast(({ record }) => record !== null)?.record;
  return {
    records: rows.reduce((sum, { sums }) => sum + (JSON.parse(sums) as { readonly count: number }).count, 0),
    gateways: [...new Set(rows.map(({ gateway_id }) => gateway_id))].sort().slice(0, 32),
    ...(newest == null ? {} : { newest }),
  };
}
