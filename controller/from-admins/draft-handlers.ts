/** Drafts of policy versions, and whether a version needs a second administrator. */
import type { adminDrafts } from '#shared/contracts/admin-drafts.ts';
import { policyWarnings, showDraft, showFiles, showPublished } from '../admin/show-policy.ts';
import { approveDraft, findDraft, listDrafts, makeDraft, rejectDraft } from '../publishing/drafts.ts';
import { readPublishing, writePublishing } from '../publishing/settings.ts';
import { readVersion } from '../publishing/version-files.ts';
import type { AdminCaller, AdminParts, HandlersOf } from './admin-parts.ts';
import { recordAdmin } from './record-admin.ts';
import { reportCut } from './report-cut.ts';

export function draftHandlers(parts: AdminParts): HandlersOf<typeof adminDrafts> {
  const { db, clock } = parts;
  const reportOf = reportCut(parts);
  const told = ({ actor, because, trace }: AdminCaller) => ({ actor, because, trace });

  return {
    policyDrafts: async () => ({ items: (await listDrafts(db, clock.now())).map(showDraft) }),

    async policyDraft({ params: { id } }) {
      const row = await findDraft(db, id, clock.now());
      return { draft: showDraft(row), ...showFiles(readVersion(row)) };
    },

    async draftPolicy({ body: { tests = [], ...body }, caller }) {
      const { draft, warnings } = await makeDraft(parts, { ...body, tests, ...told(caller) });
      return { draft: showDraft(draft), warnings: policyWarnings(warnings) };
    },

    async approveDraft({ params: { id }, caller }) {
      const published = await approveDraft(parts, id, told(caller));
      return showPublished(published, await reportOf(published));
    },

    async rejectDraft({ params: { id }, caller }) {
      const row = await db.transaction().execute((trx) => rejectDraft(trx, clock.now(), id, told(caller)));
      return { draft: showDraft(row) };
    },

    publishingSettings: async () => ({ ...(await readPublishing(db)) }),

    async setPublishing({ body, caller }) {
      await db.transaction().execute(async (trx) => {
        const before = await readPublishing(trx);
        await writePublishing(trx, body);
        await recordAdmin(trx, clock.now(), caller, { event: 'publishing-set', kind: 'policy', before, after: body });
      });
      return body;
    },
  };
}
