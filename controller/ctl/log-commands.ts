/** `posternctl log`, `facts`. Every reading is recorded. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { safeText } from '#shared/base/print-table.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { type AdminClient, withAdmin } from './connect.ts';
import { exportCommand } from './log-export.ts';
import { filters, readFilters, searchTimes, withoutReason } from './log-filters.ts';
import { answerDone, answerThing, given, numbered, oneWord, option, readTime, usage, when } from './show.ts';
import { answerTouched } from './show-touched.ts';

/** So many digits of a trace are shown on a line; `log show` and `--trace` take them. */
const shownTrace = 8;
const traceOrItsStart = /^[0-9a-f]{8,32}$/;

function lineOf(record: AccessRecord): string {
  const { time, kind, phase, verdict, reasons, person, device, app, gateway, request, status, actor, event, trace } =
    record;
  const what = [
    event,
    person,
    device,
    app,
    gateway,
    request && `${request.method} ${request.path}${request.operation === undefined ? '' : ` [${request.operation}]`}`,
    status,
    actor && `by ${actor}`,
    record.because && `because "${record.because}"`,
  ].filter((part) => part !== undefined && part !== '');
  const head = phase === 'single' ? kind : `${kind}/${phase}`;
  // In columns as long as nothing is longer than usual, so that a page can be read downwards.
  const said = [verdict === 'none' ? '-' : verdict, ...(reasons.length === 0 ? [] : [reasons.join(',')])].join(' ');
  return safeText(
    `${when(time)}  ${trace.slice(0, shownTrace)}  ${head.padEnd(14)}  ${said.padEnd(19)}  ${what.join(' ')}`,
  );
}

const print = ({ json, io }: CliCall, record: AccessRecord): void =>
  io.out(json ? JSON.stringify(record) : lineOf(record));

const pollMs = 2000;

export const logCommands: Readonly<Record<string, CliCommand>> = {
  'log search': {
    about: 'Search the access log, newest first',
    options: {
      ...filters,
      ...searchTimes,
      limit: { type: 'string', value: 'N', about: 'At most so many; 50 unless told' },
      before: { type: 'string', value: 'N', about: 'The next page: as the page before said' },
    },
    run: (call) =>
      withAdmin(withoutReason(call), async (admin) => {
        const { records, next } = await admin.records({
          query: given({ ...readFilters(call), limit: numbered(call, 'limit'), before: numbered(call, 'before') }),
        });
        if (call.json) return call.io.out(JSON.stringify({ records, ...given({ next }) }));
        for (const record of records) print(call, record);
        if (records.length === 0) call.io.err('Nothing was found.');
        if (next !== undefined) call.io.err(`There is more: --before ${next}`);
      }),
  },
  'log show': {
    about: 'Everything that shares a trace id, or one record by its id',
    args: '<trace-or-id>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const wanted = call.args[0]!;
        const isTrace = traceOrItsStart.test(wanted);
        const { records } = await admin.records({ query: isTrace ? { trace: wanted, limit: 1000 } : { limit: 1000 } });
        const found = isTrace ? records : records.filter(({ id }) => id === wanted);
        if (found.length === 0)
          throw usage(isTrace ? 'no record has this trace' : 'not among the newest 1,000 records: search by its trace');
        if (call.json) return call.io.out(JSON.stringify(found));
        for (const [at, record] of found.toReversed().entries()) {
          if (at > 0) call.io.out('');
          answerThing(call, record);
        }
      }),
  },
  'log touched': {
    about: 'What a person or a device touched: apps, requests, bytes, addresses, refusals, sign-ins, changes',
    args: '<kind> <id>',
    options: {
      since: { type: 'string', value: 'TIME', about: '15m, 2h, 7d or an ISO time', required: true },
      until: { type: 'string', value: 'TIME', about: 'As --since; now unless told' },
    },
    help: 'Kinds: person, device. Example: posternctl log touched device dev_3k7... --since 24h',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const kind = oneWord(call.args[0]!, ['person', 'device'], 'the kind');
        const until = option(call, 'until');
        const query = given({
          kind,
          id: call.args[1]!,
          from: readTime(option(call, 'since')!, Date.now()),
          to: until === undefined ? undefined : readTime(until, Date.now()),
        });
        answerTouched(call, await admin.touched({ query, timeoutMs: 300_000 }));
      }),
  },
  'log tail': {
    about: 'Follow the log until interrupted',
    options: filters,
    run: (call) => withAdmin(withoutReason(call), (admin) => tail(call, admin)),
  },
  'log export': exportCommand,
  'log prune': {
    about: 'Take old records out of the log for ever, to make room on the disk',
    options: {
      before: { type: 'string', value: 'TIME', about: '90d or an ISO time; the last 24 hours stay', required: true },
    },
    help: 'Back up first: posternctl backup FILE, on another disk. What is removed cannot be had back. The removal is recorded.',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const before = readTime(option(call, 'before')!, Date.now());
        const answer = await admin.pruneRecords({ body: { before }, timeoutMs: 3_600_000 });
        answerDone(call, answer, `${answer.removed} records from before ${when(before)} are gone.`);
      }),
  },
  facts: {
    about: 'The facts that a decision rested on, by the address in its record',
    args: '<address>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const { facts } = await admin.facts({ params: { id: call.args[0]! } });
        call.io.out(call.json ? JSON.stringify(facts) : JSON.stringify(facts, null, 2));
      }),
  },
};

/** By time, with an overlap: records of gateways arrive late, and a second has many. */
async function tail(call: CliCall, admin: AdminClient): Promise<never> {
  const query = readFilters(call);
  let from = Date.now();
  let seen = new Map<string, number>();
  for (;;) {
    const { records } = await admin.records({ query: { ...query, from: from - 10_000, limit: 1000 } });
    for (const record of records.toReversed()) {
      if (seen.has(record.id)) continue;
      seen.set(record.id, record.time);
      // Its own reading would be news for ever.
      if (record.kind === 'log' && query.kind !== 'log') continue;
      if (record.time >= from - 10_000) print(call, record);
    }
    from = Date.now();
    seen = new Map([...seen].filter(([, time]) => time > from - 60_000));
    await sleep(pollMs);
  }
}
