/** Sites and groups of apps: names that other things refer to. */
import { nextChange } from '../store/changes.ts';
import type { Trx } from '../store/open-store.ts';

export interface Named {
  readonly id: string;
  readonly name: string;
}

export interface PutNamed {
  readonly before: Named | undefined;
  readonly how: 'add' | 'change' | 'same';
}

export const putSite = (trx: Trx, site: Named): Promise<PutNamed> => put(trx, 'sites', site);

/** Adding one changes no decision: nothing is in it yet. */
export async function putAppGroup(trx: Trx, at: number, group: Named): Promise<PutNamed> {
  const done = await put(trx, 'app_groups', group);
  if (done.how === 'add') await nextChange(trx, at);
  return done;
}

async function put(trx: Trx, table: 'sites' | 'app_groups', { id, name }: Named): Promise<PutNamed> {
  const before = await trx.selectFrom(table).select(['id', 'name']).where('id', '=', id).executeTakeFirst();
  if (before === undefined) {
    await trx.insertInto(table).values({ id, name }).execute();
    return { before, how: 'add' };
  }
  if (before.name === name) return { before, how: 'same' };
  await trx.updateTable(table).set({ name }).where('id', '=', id).execute();
  return { before, how: 'change' };
}
