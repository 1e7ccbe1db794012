/** `posternctl policy replay`. */
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { day } from '#shared/base/clock.ts';
import { printTable, safeText } from '#shared/base/print-table.ts';
import { type ReplayResult, replayLine } from '#shared/contracts/admin-analysis.ts';
import { withAdmin } from '../connect.ts';
import { flag, given, numbered, option, plural, readTime, when } from '../show.ts';
import { draftOf, readAnalysis, versionOption } from './read-draft.ts';
import { tellingProblems } from './tell-problems.ts';

export const replay: CliCommand = {
  about: 'Recorded verdicts judged again by a draft: those that would flip',
  args: '[dir]',
  options: {
    since: { type: 'string', value: 'WHEN', about: '7d, 12h or a time; 7d unless told' },
    until: { type: 'string', value: 'WHEN', about: 'Likewise; now unless told' },
    ...versionOption,
    app: { type: 'string', value: 'ID', about: 'Verdicts on this app' },
    person: { type: 'string', value: 'ID', about: 'Verdicts on this person' },
    limit: { type: 'string', value: 'N', about: 'Single flips in the JSON answer; 1000 unless told' },
    'fail-on-flip': { type: 'boolean', about: 'Exit code 1 when a verdict would flip' },
  },
  help: `Without a directory and --version each verdict is judged by the version that was in force: what differs then is
a disagreement between the log and the facts that it kept. A query is never recorded: what depends on it is undetermined.`,
  run: (call) =>
    withAdmin(call, (admin) =>
      tellingProblems(call, async () => {
        const now = Date.now();
        const until = option(call, 'until');
        const since = option(call, 'since');
        const body = given({
          draft: draftOf(call, call.args[0]),
          from: since === undefined ? now - 7 * day : readTime(since, now),
          to: until === undefined ? undefined : readTime(until, now),
          app: option(call, 'app'),
          person: option(call, 'person'),
          limit: numbered(call, 'limit'),
        });
        const result = await readAnalysis(call, replayLine, await admin.replayPolicy({ body }));
        if (call.json) call.io.out(JSON.stringify(result));
        else tell(call, result);
        return flag(call, 'fail-on-flip') && result.allowToDeny + result.denyToAllow > 0 ? 1 : 0;
      }),
    ),
};

const mostLines = 50;

function tell({ io }: CliCall, result: ReplayResult): void {
  const { draft, verdicts, same, allowToDeny, denyToAllow, undetermined, narrower, groups, ungrouped } = result;
  const flips = allowToDeny + denyToAllow;
  io.out(`${plural(verdicts, 'verdict')} from ${when(result.from)} to ${when(result.to)}: ${same} the same.`);
  if (draft)
    io.out(`${plural(flips, 'verdict')} would flip: ${allowToDeny} allow to deny, ${denyToAllow} deny to allow.`);
  else io.out(`${plural(flips, 'verdict')} not as the version of the time would give it.`);
  if (narrower > 0) io.out(`${plural(narrower, 'grant')} of a whole app would serve some of its requests only.`);
  for (const [direction, title] of [
    ['allow-to-deny', 'Allowed, and would be denied'],
    ['deny-to-allow', 'Denied, and would be allowed'],
  ] as const) {
    const own = groups.filter((group) => group.direction === direction);
    if (own.length === 0) continue;
    const rows = own.slice(0, mostLines).map(({ person, app, policies, reason, count, first, last, traces }) => ({
      person,
      app,
      by: policies.join(','),
      reason,
      count,
      first: when(first),
      last: when(last),
      trace: traces[0]?.slice(0, 8),
    }));
    io.out(`\n${title}:\n${printTable(rows)}`);
    if (own.length > mostLines) io.out(`... and ${own.length - mostLines} more (--json)`);
  }
  if (ungrouped > 0) io.out(`${ungrouped} more are not listed: ask for one --app or --person.`);
  if (undetermined === 0) return;
  io.out(`\nUndetermined: ${undetermined}`);
  for (const { reason, count } of result.undeterminedBy) io.out(safeText(`  ${count}  ${undeterminedTexts[reason]}`));
}

const undeterminedTexts: Readonly<Record<ReplayResult['undeterminedBy'][number]['reason'], string>> = {
  query: 'depend on the query, which is never recorded',
  path: 'depend on a path that is longer than a record keeps',
  network: 'depend on a network address that was not recorded',
  request: 'depend on a request that was not recorded',
  facts: 'depend on facts whose snapshot is gone',
  app: 'name an app of which nothing was recorded',
  person: 'name no person',
  record: 'stand in records that cannot be read (posternctl log verify)',
  merged: 'were refusals that one record counts together',
  'not-reproduced': 'are not given by their own version from the facts that were recorded',
  version: 'were given by a version that is gone',
};
