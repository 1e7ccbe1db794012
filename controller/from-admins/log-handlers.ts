/** The access log. Reading it is itself a record (P34). */
import { day, minute } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { adminLog } from '#shared/contracts/admin-log.ts';
import type { adminTouched } from '#shared/contracts/admin-touched.ts';
import { newestPosition, pageRecords } from '../log/page-records.ts';
import { pruneRecords } from '../log/prune-records.ts';
import { reportTouched } from '../log/report-touched.ts';
import { searchRecords } from '../log/search-records.ts';
import type { AdminParts, HandlersOf } from './admin-parts.ts';
import { recordAdmin } from './record-admin.ts';

/** Nobody takes away at night what was done in the day. */
const leastAge = day;

export function logHandlers({ store, db, clock }: AdminParts): HandlersOf<typeof adminLog & typeof adminTouched> {
  const readings = new Map<string, number>();
  /** Following the log is one reading a minute, not one for each look. */
  const isNew = (reader: string, search: object): boolean => {
    const now = clock.now();
    for (const [key, at] of readings) if (now - at > minute) readings.delete(key);
    const key = JSON.stringify([reader, search]);
    if (readings.has(key)) return false;
    readings.set(key, now);
    return true;
  };
  return {
    async records({ query, caller }) {
      const found = await searchRecords(db, query);
      const { from: _, to: _to, before: _before, limit: _limit, ...search } = query;
      if (!isNew(caller.actor, search)) return found;
      // After the search, so that a page never begins with its own reading.
      const details = { search: query, found: found.records.length };
      await recordAdmin(db, clock.now(), caller, { event: 'records-read', kind: 'log', details });
      return found;
    },

    async exportRecords({ query: { format, after = 0, through, ...search }, caller }) {
      const end = through ?? (await newestPosition(db));
      const page = await pageRecords(db, search, { after, through: end });
      if (!isNew(caller.actor, { export: format, ...search, through: end })) return { ...page, through: end };
      // A long export is on record once a minute, with how far it had come.
      const details = { search, format, after, through: end };
      await recordAdmin(db, clock.now(), caller, { event: 'records-exported', kind: 'log', details });
      return { ...page, through: end };
    },

    async touched({ query: { to, ...ask }, caller }) {
      const found = await reportTouched(db, { ...ask, to: to ?? clock.now() });
      const details = { search: { ...ask, what: 'touched' }, found: found.records };
      await recordAdmin(db, clock.now(), caller, { event: 'records-read', kind: 'log', details });
      return found;
    },

    async pruneRecords({ body: { before }, caller }) {
      if (clock.now() - before < leastAge) {
        throw new PosternError('bad-request', undefined, { tell: 'Records of the last 24 hours cannot be removed.' });
      }
      // Told before and after: a prune that is cut short has taken something too.
      await recordAdmin(db, clock.now(), caller, { event: 'prune-begun', kind: 'log', details: { before } });
      const removed = await pruneRecords(store, before);
      await recordAdmin(db, clock.now(), caller, { event: 'pruned', kind: 'log', details: { before, removed } });
      return { removed };
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
