/** The access log. Reading it is itself a record (P34). */
import { minute } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { adminLog } from '#shared/contracts/admin-log.ts';
import type { adminTouched } from '#shared/contracts/admin-touched.ts';
import { missingOf } from '../log/missing-of-time.ts';
import { newestPosition } from '../log/page-records.ts';
import { Readings } from '../log/readings.ts';
import { reportTouched } from '../log/report-touched.ts';
import { readFilter } from '../log/search/filter.ts';
import type { AdminParts, HandlersOf } from './admin-parts.ts';
import { recordAdmin } from './record-admin.ts';

const exportPage = 500;

export function logHandlers(parts: AdminParts): HandlersOf<typeof adminLog & typeof adminTouched> {
  const { db, clock, searches } = parts;
  const readings = new Readings(clock);
  return {
    async exportRecords({ query: { format, after = 0, through, ...search }, caller }) {
      const end = through ?? (await newestPosition(db));
      readFilter(search);
      const order = { query: search, oldest: true, after, through: end, limit: exportPage, count: false };
      const { records, next } = await searches.ask('search', order);
      // At its end, so that what was pruned while it ran is told too.
      const rest = next === undefined ? await missingOf(db, search) : { next };
      const page = { records, through: end, ...rest };
      if (!readings.isNew(caller.actor, { export: format, ...search, through: end }, minute)) return page;
      // A long export is on record once a minute, with how far it had come.
      const details = { search, format, after, through: end };
      await recordAdmin(db, clock.now(), caller, { event: 'records-exported', kind: 'log', details });
      return page;
    },

    async touched({ query: { to, ...ask }, caller }) {
      const found = await reportTouched(db, { ...ask, to: to ?? clock.now() });
      const missing = await missingOf(db, { from: ask.from, to });
      const details = { search: { ...ask, what: 'touched' }, found: found.records };
      await recordAdmin(db, clock.now(), caller, { event: 'records-read', kind: 'log', details });
      return { ...found, ...missing };
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
