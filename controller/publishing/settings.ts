/** How versions are published. Kept beside what else an organisation has decided, not in a file: who changes it leaves a record. */
import { Value } from 'typebox/value';
import { PosternError } from '#shared/base/errors.ts';
import { publishingSettings } from '#shared/contracts/admin-drafts.ts';
import type { Db, Trx } from '../store/open-store.ts';

export interface PublishingSettings {
  /** Administrators who must approve a version beside its author. The owner at the shell needs none (P6). */
  readonly approvals: number;
}

const key = 'publishing';

export async function readPublishing(db: Db): Promise<PublishingSettings> {
  const row = await db.selectFrom('meta').select('value').where('key', '=', key).executeTakeFirst();
  if (row === undefined) return { approvals: 0 };
  const value: unknown = JSON.parse(row.value);
  if (!Value.Check(publishingSettings, value))
    throw new PosternError('internal', 'the stored settings of publishing have another shape');
  return value;
}

export async function writePublishing(trx: Trx, settings: PublishingSettings): Promise<void> {
  const value = JSON.stringify(settings);
  await trx
    .insertInto('meta')
    .values({ key, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute();
}

/** Throws `approval-needed` for a signed-in administrator who would publish alone. */
export async function requireNoApproval(db: Db, standing: string): Promise<void> {
  if (standing === 'shell' || (await readPublishing(db)).approvals === 0) return;
  throw new PosternError('approval-needed', 'a version needs a second administrator', {
    tell: 'A second administrator must approve a version: leave a draft (policy publish --draft), and let another one approve it.',
  });
}
