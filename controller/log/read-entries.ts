/** Leaves as C2SP tlog-tiles gives them out: bundles of 256, each with its length before it. Nothing personal is in a leaf (P34). */
import { PosternError } from '#shared/base/errors.ts';
import { type EntryBundle, tileWidth } from '#shared/log/tile-path.ts';
import type { Db } from '../store/open-store.ts';

/** A leaf whose record was pruned has the length 0: no leaf is as short. Throws `not-found` past the end of the log. */
export async function readEntries(db: Db, { index, width }: EntryBundle): Promise<Buffer> {
  const first = index * tileWidth;
  const rows = await db
    .selectFrom('log_leaves')
    .leftJoin('records', 'records.position', 'log_leaves.position')
    .select('leaf')
    .where('leaf_index', '>=', first)
    .where('leaf_index', '<', first + width)
    .orderBy('leaf_index')
    .execute();
  if (rows.length !== width) throw new PosternError('not-found', `there are no leaves ${first} to ${first + width}`);
  const parts: Buffer[] = [];
  for (const { leaf } of rows) {
    const bytes = Buffer.from(leaf ?? '');
    const length = Buffer.alloc(2);
    length.writeUInt16BE(bytes.length);
    parts.push(length, bytes);
  }
  return Buffer.concat(parts);
}
