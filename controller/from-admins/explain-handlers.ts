/** Explanations of what was decided. Reading one is a record, as every reading of the log is (P34). */
import type { adminExplain } from '#shared/contracts/admin-explain.ts';
import { explainTrace } from '../admin/explain-trace.ts';
import type { AdminParts, HandlersOf } from './admin-parts.ts';
import { recordAdmin } from './record-admin.ts';

export function explainHandlers({ db, clock, decider }: AdminParts): HandlersOf<typeof adminExplain> {
  return {
    async explain({ params: { trace }, query, caller }) {
      const as = query.as ?? (caller.role === 'auditor' ? 'auditor' : 'admin');
      const changes = as === 'admin' || (as === 'auditor' && query.changes === true);
      const explained = await explainTrace(db, decider, { trace, as, changes });
      const search = { what: 'explained', trace: explained.trace, as };
      const details = { search, found: explained.records.length };
      await recordAdmin(db, clock.now(), caller, { event: 'records-read', kind: 'log', details });
      return explained;
    },
  };
}
