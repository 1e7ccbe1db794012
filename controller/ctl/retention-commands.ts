/** `posternctl log retention`, `log prune`. */
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { day } from '#shared/base/clock.ts';
import { type Cell, printTable } from '#shared/base/print-table.ts';
import { type DueShown, type RetentionShown, retentionKinds } from '#shared/contracts/admin-retention.ts';
import type { PrunedShown } from '#shared/contracts/admin-search.ts';
import { withAdmin } from './connect.ts';
import { answerDone, flag, misuse, oneWord, option, plural, readTime, when } from './show.ts';

const dryRun = { type: 'boolean', about: 'Only say how many would go now' } as const;

export const retentionCommands: Readonly<Record<string, CliCommand>> = {
  'log retention show': {
    about: 'How long records stay, by kind, what would go now, and what was pruned',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const [shown, due] = [await admin.retention(), await admin.retentionDue({ query: {}, timeoutMs: 600_000 })];
        if (call.json) return call.io.out(JSON.stringify({ ...shown, due }));
        showRetention(call, shown);
        call.io.out('');
        sayDue(call, due, 'would go now, by what is set');
      }),
  },
  'log retention set': {
    about: 'How long records of a kind stay; what is older is taken out for ever, once a day',
    args: '<kind> <age>',
    options: { 'dry-run': { ...dryRun, about: 'Change nothing: say how many records of any kind are older' } },
    help: [
      `Kinds: ${retentionKinds.join(', ')}. Ages: 90d, 26w, 2y, forever; "default" has a kind follow the default again.`,
      'Never less than the floor of controller.yaml. Legal holds, streams that are behind and what explains the log itself stay.',
      'Example: posternctl log retention set access 400d --reason "policy 12.3"',
    ].join('\n'),
    run: (call) =>
      withAdmin(call, async (admin) => {
        const kind = oneWord(call.args[0]!, retentionKinds, 'the kind');
        const age = readAge(call.args[1]!);
        if (age === undefined && kind === 'default') throw misuse('say an age of the default: 90d, 2y or forever');
        if (flag(call, 'dry-run')) {
          if (age == null) throw misuse('--dry-run needs an age, such as 90d');
          const due = await admin.retentionDue({ query: { before: Date.now() - age }, timeoutMs: 600_000 });
          const only = kind === 'default' ? due : ofKind(due, kind);
          if (call.json) return call.io.out(JSON.stringify(only));
          return sayDue(call, only, `${kind === 'default' ? '' : `of the kind ${kind} `}are older`);
        }
        const shown = await admin.setRetention({ params: { kind }, body: age === undefined ? {} : { age } });
        if (call.json) return call.io.out(JSON.stringify(shown));
        showRetention(call, shown);
        if (age != null)
          call.io.err('What is older goes within a day, a little at a time: posternctl log retention show');
      }),
  },
  'log prune': {
    about: 'Take old records out of the log now and for ever, to make room on the disk',
    options: {
      before: {
        type: 'string',
        value: 'TIME',
        about: '90d or an ISO time; what is younger than the floor stays',
        required: true,
      },
      'dry-run': dryRun,
    },
    help: 'Back up first: posternctl backup FILE, on another disk. What is removed cannot be had back. The removal is recorded.',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const before = readTime(option(call, 'before')!, Date.now());
        if (flag(call, 'dry-run')) {
          const due = await admin.retentionDue({ query: { before }, timeoutMs: 600_000 });
          if (call.json) return call.io.out(JSON.stringify(due));
          return sayDue(call, due, `from before ${when(before)} would go`);
        }
        const answer = await admin.pruneRecords({ body: { before }, timeoutMs: 3_600_000 });
        answerDone(call, answer, `${answer.records} records from before ${when(before)} are gone.`);
        if (!call.json) sayHeld(call, answer);
      }),
  },
};

/** Milliseconds; null for ever; undefined to follow the default. */
function readAge(text: string): number | null | undefined {
  if (text === 'forever') return null;
  if (text === 'default') return undefined;
  const found = /^(\d{1,6})(d|w|y)$/.exec(text);
  if (found === null) throw misuse(`"${text}" is no age: 90d, 26w, 2y, forever or default`);
  return Number(found[1]) * { d: day, w: 7 * day, y: 365 * day }[found[2] as 'd']!;
}

const ofKind = (due: DueShown, kind: string): DueShown => {
  const kinds = due.kinds.filter((one) => one.kind === kind);
  return { ...due, kinds, records: kinds.reduce((sum, one) => sum + one.records, 0) };
};

function showRetention(call: CliCall, { ages, floorMs, prunings }: RetentionShown): void {
  const age = (ms: number | null): string => (ms === null ? 'for ever' : plural(Math.round(ms / day), 'day'));
  const rows = ages.map((one): Record<string, Cell> => {
    const short = one.age !== null && one.age < floorMs;
    return { kind: one.kind, stay: short ? `${age(one.age)}, by the floor ${age(floorMs)}` : age(one.age) };
  });
  call.io.out(printTable(rows));
  call.io.out(`Other kinds follow the default. The floor is ${age(floorMs)}.`);
  if (prunings.length === 0) return;
  call.io.out('');
  call.io.out(
    printTable(
      prunings.slice(0, 20).map((one) => ({
        pruning: one.pruning,
        by: one.cause,
        began: when(one.began),
        ended: one.ended === undefined ? 'under way' : when(one.ended),
        removed: one.removed,
        from: when(one.from),
        to: when(one.to),
        record: one.record ?? one.begun,
      })),
    ),
  );
}

function sayDue(call: CliCall, due: DueShown, what: string): void {
  call.io.out(`${plural(due.records, 'record')} ${what}.`);
  for (const { kind, records } of due.kinds) call.io.out(`  ${kind}: ${records}`);
  sayHeld(call, due);
}

function sayHeld(call: CliCall, { holds, heldBy }: DueShown): void {
  for (const { id, name, records } of holds)
    call.io.err(`The legal hold ${name ?? id} keeps ${plural(records, 'record')} that would go.`);
  for (const name of heldBy)
    call.io.err(
      `What the stream ${name} has not delivered stays. To let it go undelivered: posternctl log stream remove ${name}`,
    );
}

export const sayPruned = ({ records, from, to, newest }: PrunedShown): string =>
  `Not everything of this time is there: ${plural(records, 'record')} of ${when(from)} to ${when(to)} were pruned (${newest}; posternctl log retention show)`;
