/** What administrators changed in a period: before and after, by whom and why. */
import { eachRecord } from './each-record.ts';
import { byTime, personOf, show } from './from-records.ts';
import type { Maker, Row } from './report-shape.ts';

const kinds = ['admin', 'policy', 'device', 'factor', 'revocation'] as const;

export const changesMade: Maker = async (db, { from, at, onUnreadable }, onProgress) => {
  const rows: Row[] = [];
  for await (const record of eachRecord(db, { from, to: at, kinds, onUnreadable }, onProgress)) {
    if (record.verdict === 'deny' || (record.actor === undefined && !record.erased?.includes('actor'))) continue;
    const { time, id, kind, event, actor, app, epoch, because, details = {} } = record;
    const { before, after, ...more } = details;
    const what = personOf(record) ?? app ?? record.device ?? record.gateway ?? more['group'] ?? epoch;
    rows.push({
      ...{ time, record: id, actor: actor ?? null, kind, event: event ?? null, of: show(what) },
      ...{ before: show(before), after: show(after) },
      details: Object.keys(more).length === 0 ? null : JSON.stringify(more),
      because: because ?? null,
    });
  }
  const columns = ['time', 'record', 'actor', 'kind', 'event', 'of', 'before', 'after', 'details', 'because'];
  return { columns, rows: byTime(rows) };
};
