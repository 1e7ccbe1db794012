/** The access log. Reading it is itself a record (P34). */
import { PosternError } from '#shared/base/errors.ts';
import type { adminLog } from '#shared/contracts/admin-log.ts';
import { searchRecords } from '../log/search-records.ts';
import type { AdminParts, HandlersOf } from './admin-parts.ts';
import { recordAdmin } from './record-admin.ts';

export function logHandlers({ db, clock }: AdminParts): HandlersOf<typeof adminLog> {
  return {
    async records({ query, caller }) {
      const found = await searchRecords(db, query);
      // After the search, so that a page never begins with its own reading.
      const details = { search: query, found: found.records.length };
      await recordAdmin(db, clock.now(), caller, { event: 'records-read', kind: 'log', details });
      return found;
    },

    async facts({ params: { id }, caller }) {
      const row = await db.selectFrom('fact_snapshots').select('facts').where('id', '=', id).executeTakeFirst();
      if (row === undefined)
        throw new PosternError('not-found', `no facts ${id}`, { tell: 'There are no such facts.' });
      await recordAdmin(db, clock.now(), caller, { event: 'facts-read', kind: 'log', details: { id } });
      return { facts: JSON.parse(row.facts) as unknown };
    },
  };
}
