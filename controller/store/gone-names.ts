/** Ids that administrators gave and took away: never given again, so that a record's name stands for one thing for ever. */
import { PosternError } from '#shared/base/errors.ts';
import type { Trx } from './open-store.ts';

type Kind = 'app' | 'group' | 'policy store' | 'API client';

export async function retireName(trx: Trx, at: number, kind: Kind, id: string): Promise<void> {
  await trx.insertInto('gone_names').values({ kind, id, at }).execute();
}

/** Throws `conflict` for an id that was used before. */
export async function claimName(trx: Trx, kind: Kind, id: string): Promise<void> {
  const gone = await trx
    .selectFrom('gone_names')
    .select('id')
    .where('kind', '=', kind)
    .where('id', '=', id)
    .executeTakeFirst();
  if (gone === undefined) return;
  throw new PosternError('conflict', `the id ${id} was used by a former ${kind}`, {
    tell: `A former ${kind} had this id: ids are not used again.`,
  });
}
