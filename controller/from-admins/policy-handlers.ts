/** Policy versions, publishing and what-if. */
import { PosternError } from '#shared/base/errors.ts';
import type { adminPolicy } from '#shared/contracts/admin-policy.ts';
import { policyWarnings, showVersion } from '../admin/show-policy.ts';
import type { PolicyFile } from '../policy/parse-policies.ts';
import { type Published, publishPolicy, rollbackPolicy } from '../publishing/publish.ts';
import { validateFiles } from '../publishing/validate-files.ts';
import { whatIf } from '../publishing/what-if.ts';
import type { AdminCaller, AdminParts, HandlersOf } from './admin-parts.ts';

export function policyHandlers(parts: AdminParts): HandlersOf<typeof adminPolicy> {
  const { db, clock, decider, cuts } = parts;
  const reportOf = ({ change, after, at, revoked }: Published) =>
    cuts.report({ n: change, after, at, grants: revoked.length, sessions: 0 });
  const told = ({ actor, because, trace }: AdminCaller) => ({ actor, because, trace });

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
      return { version: showVersion(row), files: JSON.parse(row.files) as PolicyFile[] };
    },

    async policyHistory() {
      const rows = await db.selectFrom('policy_versions').selectAll().orderBy('epoch', 'desc').execute();
      return { items: rows.map(showVersion) };
    },

    async validatePolicy({ body }) {
      const { set, problems } = await validateFiles(db, body.files);
      return { valid: set !== undefined, problems: [...problems] };
    },

    async publishPolicy({ body, caller }) {
      const published = await publishPolicy(parts, { ...body, ...told(caller) });
      const cut = await reportOf(published);
      return { epoch: published.epoch, cut, warnings: policyWarnings(published.warnings) };
    },

    async rollbackPolicy({ body: { epoch, message }, caller }) {
      const order = { message: message ?? `back to version ${epoch}`, ...told(caller) };
      const published = await rollbackPolicy(parts, epoch, order);
      return { epoch: published.epoch, cut: await reportOf(published) };
    },

    async whatIf({ body }) {
      const { verdict, reasons, policies, errors, fixes, facts } = await whatIf(db, decider, body, clock.now());
      return { verdict, reasons: [...reasons], policies: [...policies], errors: [...errors], fixes: [...fixes], facts };
    },
  };
}
