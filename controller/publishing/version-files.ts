/** What a row of `policy_versions` or `policy_drafts` holds. */
import type { PolicyDraft } from '../policy/judge-draft.ts';
import type { PolicyFile } from '../policy/parse-policies.ts';
import type { Db } from '../store/open-store.ts';

export interface StoredFiles {
  readonly files: string;
  readonly tests: string;
}

export const readVersion = ({ files, tests }: StoredFiles): PolicyDraft => ({
  files: JSON.parse(files) as PolicyFile[],
  tests: JSON.parse(tests) as PolicyFile[],
});

export const writeVersion = ({ files, tests }: PolicyDraft): StoredFiles => ({
  files: JSON.stringify(files),
  tests: JSON.stringify(tests),
});

/** Undefined when no version is in force. */
export async function versionInForce(db: Db): Promise<(PolicyDraft & { readonly epoch: number }) | undefined> {
  const row = await db
    .selectFrom('policy_versions')
    .select(['epoch', 'files', 'tests'])
    .where('in_force', '=', 1)
    .executeTakeFirst();
  return row === undefined ? undefined : { epoch: row.epoch, ...readVersion(row) };
}
