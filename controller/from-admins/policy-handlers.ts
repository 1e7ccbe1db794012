/** Policy versions, publishing and what-if. */
import { PosternError } from '#shared/base/errors.ts';
import type { adminPolicy } from '#shared/contracts/admin-policy.ts';
import { showFiles, showKnown, showPublished, showTests, showVersion } from '../admin/show-policy.ts';
import { failedTests } from '../policy/judge-draft.ts';
import { loadKnown } from '../publishing/load-known.ts';
import { publishPolicy, rollbackPolicy } from '../publishing/publish.ts';
import { requireNoApproval } from '../publishing/settings.ts';
import { readVersion } from '../publishing/version-files.ts';
import { whatIf } from '../publishing/what-if.ts';
import type { AdminCaller, AdminParts, HandlersOf } from './admin-parts.ts';
import { reportCut } from './report-cut.ts';

export function policyHandlers(parts: AdminParts): HandlersOf<typeof adminPolicy> {
  const { db, clock, decider, judge } = parts;
  const reportOf = reportCut(parts);
  const told = ({ actor, because, trace, standing }: AdminCaller) => ({
    actor,
    because,
    trace,
    first: standing === 'shell',
  });

  return {
    async policy({ query: { epoch } }) {
      const all = db.selectFrom('policy_versions').selectAll();
      const row = await (epoch === undefined ? all.where('in_force', '=', 1) : all.where('epoch', '=', epoch))
        .limit(1)
        .executeTakeFirst();
      if (row === undefined) {
        const tell = epoch === undefined ? 'No policy is in force: everything is denied.' : 'There is no such version.';
        throw new PosternError('not-found', `no policy version ${epoch ?? 'in force'}`, { tell });
      }
      return { version: showVersion(row), ...showFiles(readVersion(row)) };
    },

    async policyHistory() {
      const columns = ['epoch', 'policies', 'by', 'message', 'at', 'in_force'] as const;
      const rows = await db.selectFrom('policy_versions').select(columns).orderBy('epoch', 'desc').execute();
      return { items: rows.map(showVersion) };
    },

    policyKnown: async () => showKnown(await loadKnown(db)),

    async validatePolicy({ body: { files, tests = [] } }) {
      const judged = await judge({ files, tests }, await loadKnown(db));
      const isWrong = judged.problems.some(({ severity }) => severity === 'error') || failedTests(judged).length > 0;
      return { valid: !isWrong, problems: [...judged.problems], tests: showTests(judged.tests) };
    },

    async publishPolicy({ body: { evenIfItLocksOut, tests = [], ...body }, caller }) {
      await requireNoApproval(db, caller.standing);
      requireShell(caller, evenIfItLocksOut);
      const published = await publishPolicy(parts, { ...body, tests, evenIfItLocksOut, ...told(caller) });
      return showPublished(published, await reportOf(published));
    },

    async rollbackPolicy({ body: { epoch, message = `back to version ${epoch}`, evenIfItLocksOut }, caller }) {
      await requireNoApproval(db, caller.standing);
      requireShell(caller, evenIfItLocksOut);
      const published = await rollbackPolicy(parts, epoch, { message, evenIfItLocksOut, ...told(caller) });
      return showPublished(published, await reportOf(published));
    },

    async whatIf({ body }) {
      const { reasons, policies, errors, fixes, ...rest } = await whatIf(db, decider, body, clock.now());
      return { ...rest, reasons: [...reasons], policies: [...policies], errors: [...errors], fixes: [...fixes] };
    },
  };
}

/** Who locks everybody out must be able to let them in again (P6). */
function requireShell({ standing, actor }: AdminCaller, evenIfItLocksOut: boolean | undefined): void {
  if (evenIfItLocksOut !== true || standing === 'shell') return;
  throw new PosternError('role-needed', `${actor} may not lock everybody out`, {
    tell: 'Only the owner at the shell can publish a version that locks everybody out: --shell.',
  });
}
