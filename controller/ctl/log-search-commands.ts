/** `posternctl log search`, `tail`, `show`, `stats`. Every reading is recorded. */
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { safeText } from '#shared/base/print-table.ts';
import { sumFields } from '#shared/contracts/admin-search.ts';
import { withAdmin } from './connect.ts';
import { followLog } from './follow-log.ts';
import { aboutFilters, filters, readFilters, searchTimes, withoutReason } from './log-filters.ts';
import { sayMissing } from './say-missing.ts';
import { chosen, flag, given, misuse, numbered, option, when } from './show.ts';
import { answerStats } from './show-log-stats.ts';
import { printRecord, printStory } from './show-record.ts';

export const logSearchCommands: Readonly<Record<string, CliCommand>> = {
  'log search': {
    about: 'Search the access log',
    options: {
      ...filters,
      ...searchTimes,
      oldest: { type: 'boolean', about: 'The oldest first; else the newest' },
      limit: { type: 'string', value: 'N', about: 'At most so many; 50 unless told' },
      cursor: { type: 'string', value: 'CURSOR', about: 'The next page: as the page before said' },
    },
    help: `${aboutFilters}\nIn the order of writing: what a gateway delivers late stands where it came in. --since and --until go by the time that a record has, which of\nan access is its gateway's word; "arrived" (log show, --json) is when the controller took it in.`,
    run: (call) => withAdmin(withoutReason(call), (admin) => search(call, admin)),
  },
  'log tail': {
    about: 'The end of the log; with --follow what comes after it, until interrupted',
    options: {
      ...filters,
      follow: { type: 'boolean', short: 'f', about: 'Go on with what comes; waits while the controller is away' },
      lines: { type: 'string', short: 'n', value: 'N', about: 'The last so many records first; 10 unless told' },
    },
    help: `${aboutFilters}\nReadings of the log are left out unless --kind log asks for them.`,
    run: (call) => withAdmin(withoutReason(call), (admin) => followLog(call, admin, readFilters(call))),
  },
  'log show': {
    about: 'All that happened under one trace, with the sign-in and the grant it rests on, in words',
    args: '<trace-or-id>',
    help: 'The trace or its first 8 digits, as employees see it and lists show it, or the id of a record.',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const story = await admin.recordStory({ query: { of: call.args[0]! } });
        if (call.json) call.io.out(JSON.stringify(story));
        else printStory(call, story);
      }),
  },
  'log stats': {
    about: 'How many records there are, by a field or by time, and how large the log is',
    options: {
      ...filters,
      ...searchTimes,
      by: { type: 'string', value: 'FIELD', about: sumFields.join(', ') },
      top: { type: 'string', value: 'N', about: 'At most so many rows; 20 unless told' },
      csv: { type: 'boolean', about: 'Rows as CSV' },
    },
    help: aboutFilters,
    run: (call) =>
      withAdmin(withoutReason(call), async (admin) => {
        if (flag(call, 'csv') && call.json) throw misuse('--csv or --json, not both');
        const by = chosen(call, 'by', sumFields);
        if (flag(call, 'csv') && by === undefined) throw misuse('--csv needs rows: say --by FIELD');
        const query = given({ ...readFilters(call), by, top: numbered(call, 'top') });
        answerStats(call, await admin.recordStats({ query }));
      }),
  },
};

async function search(call: CliCall, admin: Parameters<Parameters<typeof withAdmin>[1]>[0]): Promise<void> {
  const cursor = option(call, 'cursor');
  const query = given({
    ...readFilters(call),
    order: flag(call, 'oldest') ? ('oldest' as const) : undefined,
    limit: numbered(call, 'limit'),
    cursor,
    count: cursor === undefined ? true : undefined,
  });
  const found = await admin.records({ query });
  if (call.json) return call.io.out(JSON.stringify(found));
  const { records, next, stoppedAt, total } = found;
  for (const record of records) printRecord(call, record);
  const { err } = call.io;
  sayMissing(call, found);
  for (const { name, records: kept } of found.held ?? [])
    err(`${kept.length} of these ${kept.length === 1 ? 'is' : 'are'} kept by the legal hold ${name}`);
  for (const { filter, value, nearest } of found.unknown ?? [])
    err(safeText(`there is no ${filter} "${value}"${nearest === undefined ? '' : `, did you mean ${nearest}?`}`));
  if (records.length === 0 && next === undefined) return err('Nothing was found.');
  if (total !== undefined) err(`${total.exact ? '' : 'more than '}${total.count.toLocaleString('en')} found`);
  if (stoppedAt !== undefined)
    err(`The search took long and stopped at ${when(stoppedAt)}; it goes on with --cursor ${next}`);
  else if (next !== undefined) err(`There is more: --cursor ${next}`);
}
