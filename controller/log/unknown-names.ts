/** Which names of a search nobody has: a mistyped one finds nothing, and that must not look like an answer. */
import { nearestName } from '#shared/base/nearest-name.ts';
import type { UnknownName } from '#shared/contracts/admin-search.ts';
import type { Db } from '../store/open-store.ts';
import type { Filter } from './search/filter.ts';

const tables = { person: 'people', device: 'devices', app: 'apps', gateway: 'gateways' } as const;
/** Of more than so many none is suggested: each is compared. */
const mostCompared = 2000;

/** In the order of the filters. Whoever was removed or erased may be in records all the same: ask for these when a search has found nothing. */
export async function unknownNames(db: Db, { whole }: Pick<Filter, 'whole'>): Promise<UnknownName[]> {
  const unknown: UnknownName[] = [];
  for (const { name, values } of whole) {
    const table = tables[name as keyof typeof tables];
    if (table === undefined) continue;
    const there = await db.selectFrom(table).select('id').where('id', 'in', values).execute();
    const missing = values.filter((value) => !there.some(({ id }) => id === value));
    if (missing.length === 0) continue;
    const all = await db
      .selectFrom(table)
      .select('id')
      .limit(mostCompared + 1)
      .execute();
    const choice = all.length > mostCompared ? [] : all.map(({ id }) => id);
    for (const value of missing) {
      const nearest = nearestName(value, choice);
      unknown.push({ filter: name, value, ...(nearest === undefined ? {} : { nearest }) });
    }
  }
  return unknown;
}
