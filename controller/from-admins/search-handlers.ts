/** Searching the access log, following it, the story of a trace, sums. Each reading is itself a record (P34). */
import { hour, minute } from '#shared/base/clock.ts';
import type { adminSearch } from '#shared/contracts/admin-search.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { PolicyVersions } from '../analysis/policy-versions.ts';
import { measureLog } from '../log/measure-log.ts';
import { missingOf } from '../log/missing-of-time.ts';
import { newestPosition } from '../log/page-records.ts';
import { Readings } from '../log/readings.ts';
import { heldOfPage } from '../log/retention/held-of-page.ts';
import { readCursor, searchTag, writeCursor } from '../log/search/cursor.ts';
import { readFilter, wrongFilter } from '../log/search/filter.ts';
import { sumStats } from '../log/search/sum-stats.ts';
import { isReading } from '../log/search/terms.ts';
import { tellStory } from '../log/tell-story.ts';
import { unreadableBetween } from '../log/tell-unreadable.ts';
import { unknownNames } from '../log/unknown-names.ts';
import { reasonText } from '../policy/explain-words.ts';
import type { CompiledPolicy } from '../policy/policy-set.ts';
import type { AdminCaller, AdminParts, HandlersOf } from './admin-parts.ts';
import { OwnTurns } from './own-turns.ts';
import { recordAdmin } from './record-admin.ts';

/** Of the 64 that may wait in all. */
const mostOwn = 8;

export function searchHandlers(parts: AdminParts): HandlersOf<typeof adminSearch> {
  const { db, clock, searches, followers, settings, decider, store, generation } = parts;
  const turns = new OwnTurns(mostOwn);
  const followTag = searchTag(generation, {});
  const readings = new Readings(clock);
  const record = (caller: AdminCaller, details: Record<string, unknown>) =>
    recordAdmin(db, clock.now(), caller, { event: 'records-read', kind: 'log', details });
  return {
    async records({ query: { order, limit = 50, cursor, count = false, ...given }, caller }) {
      const tag = searchTag(generation, given);
      const place = cursor === undefined ? undefined : readCursor(cursor, tag);
      const oldest = place?.oldest ?? order === 'oldest';
      if (order !== undefined && oldest !== (order === 'oldest'))
        throw wrongFilter(
          `cursor: it is of a search with the ${oldest ? 'oldest' : 'newest'} first; leave the order out`,
        );
      // The time of the first page: "the last hour" is another one by the time of the second.
      const query = { ...given, ...place?.times };
      const filter = readFilter(query);
      const search = { query, oldest, after: place?.position, limit, count };
      const found = await turns.run(caller.actor, () => searches.ask('search', search));
      const { records, next, stoppedAt, total } = found;
      // After the search, so that a page never begins with its own reading. Pages of one search are one reading.
      if (readings.isNew(caller.actor, query, place === undefined ? minute : hour)) {
        const sum = total === undefined ? { found: records.length } : { found: total.count, exact: total.exact };
        await record(caller, { search: query, ...sum });
      }
      const missing = place === undefined ? await missingOf(db, query) : {};
      const shown = records.map((one) => one.record);
      const held = await heldOfPage(db, shown);
      const isNone = shown.length === 0 && next === undefined && place === undefined;
      const unknown = isNone ? await unknownNames(db, filter) : [];
      return {
        records: shown,
        ...(next === undefined ? {} : { next: writeCursor({ oldest, position: next, times: query }, tag) }),
        ...(stoppedAt === undefined ? {} : { stoppedAt }),
        ...(total === undefined ? {} : { total }),
        ...missing,
        ...(held === undefined ? {} : { held }),
        ...(unknown.length === 0 ? {} : { unknown }),
      };
    },

    async followRecords({ query: { after, last = 0, ...query }, caller, request }) {
      const filter = readFilter(query);
      const isNew = readings.isNew(caller.actor, ['follow', query], hour);
      if (after === undefined || isNew) await record(caller, { search: query, what: 'follow' });
      if (after === undefined) {
        const through = await newestPosition(db);
        // Readings are left out of what is followed, so there must be more than will be shown.
        const order = { query, through, limit: Math.min(1000, 4 * last + 20), count: false };
        const found = last === 0 ? [] : (await searches.ask('search', order)).records;
        const shown = found.filter(({ record: one }) => filter.readings || !isReading(one)).slice(0, last);
        // As whoever follows would have seen them: what cannot be read could be what is looked for, and no search finds it.
        const after = shown.length < last ? 0 : shown.at(-1)!.position;
        const others = last === 0 ? [] : await unreadableBetween(db, { after, through, limit: last });
        const all = [...shown, ...others].sort((a, b) => a.position - b.position).slice(-last);
        return {
          records: last === 0 ? [] : all.map((one) => one.record),
          cursor: writeCursor({ oldest: true, position: through }, followTag),
        };
      }
      const place = readCursor(after, followTag);
      if (!place.oldest) throw wrongFilter('after: it is not a place to follow from; leave it out to begin at the end');
      if (place.position > (await newestPosition(db)))
        throw wrongFilter(
          'after: the log ends before this place, as it was restored; leave it out to begin at its end',
        );
      const gone = new AbortController();
      const leave = () => gone.abort();
      request.raw.socket.once('close', leave);
      try {
        const { records, through } = await followers.follow(place.position, filter, gone.signal);
        return { records, cursor: writeCursor({ oldest: true, position: through }, followTag) };
      } finally {
        request.raw.socket.off('close', leave);
      }
    },

    async recordStory({ query: { of }, caller }) {
      const { trace, records, more } = await tellStory(db, searches, of);
      await record(caller, { search: { of }, what: 'story', found: records.length });
      const versions = new PolicyVersions(db);
      const policiesOf = async ({ epoch, policies = [] }: AccessRecord) => {
        if (policies.length === 0) return [];
        const inForce = decider.policy();
        const version =
          epoch === undefined ? 'gone' : inForce?.epoch === epoch ? { set: inForce } : await versions.load(epoch);
        const known = version === 'gone' ? undefined : version.set?.byName;
        return policies.map((name) => tellPolicy(name, known?.get(name)));
      };
      const told = [];
      for (const { record, own } of records) {
        const reasons = record.reasons.map((reason) => ({ reason, text: reasonText(reason) }));
        told.push({ record, own, reasons, policies: await policiesOf(record) });
      }
      return { trace, records: told, more };
    },

    async recordStats({ query: { by, top = 20, ...query }, caller }) {
      readFilter(query);
      const order = { query, by: by ?? 'kind', timezone: settings.timezone } as const;
      const stats = await turns.run(caller.actor, () => searches.stats(order));
      const log = await measureLog({ db, searches, store, clock });
      await record(caller, { search: query, what: 'stats', ...(by === undefined ? {} : { by }), found: stats.total });
      return { ...sumStats(stats, by, top), ...(await missingOf(db, query)), log };
    },
  };
}

function tellPolicy(name: string, policy: CompiledPolicy | undefined) {
  if (policy === undefined) return { name };
  return { name, effect: policy.effect, ...(policy.reason === undefined ? {} : { reason: policy.reason }) };
}
