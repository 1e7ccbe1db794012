/** `posternctl policy shadow`. */
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { printTable, safeText } from '#shared/base/print-table.ts';
import type { ShadowShown } from '#shared/contracts/admin-shadow.ts';
import { withAdmin } from '../connect.ts';
import { readPolicyDirectory } from '../read-directory.ts';
import { answerDone, misuse, option, plural, readTime, when } from '../show.ts';
import { tellingProblems } from './tell-problems.ts';

export const shadowStart: CliCommand = {
  about: 'Let a draft judge each real decision beside the version in force; it decides nothing',
  args: '<dir>',
  options: { for: { type: 'string', value: 'TIME', about: 'How long: 1h, 7d; 7d unless told. It ends by itself' } },
  run: (call) =>
    withAdmin(call, (admin) =>
      tellingProblems(call, async () => {
        const { files } = readPolicyDirectory(call.args[0]!);
        const run = await admin.startShadow({ body: { files, forMs: lengthOf(option(call, 'for') ?? '7d') } });
        answerDone(call, run, `The draft runs beside the version in force until ${when(run.endsAt)}.`);
      }),
    ),
};

export const shadowStatus: CliCommand = {
  about: 'The draft that runs, or ran last, and where it disagrees; exit code 1 when it does',
  run: (call) =>
    withAdmin(call, async (admin) => {
      const { last, former } = await admin.shadow();
      if (call.json) call.io.out(JSON.stringify({ last, former }));
      else if (last === undefined) call.io.err('No draft has run beside the version in force.');
      else tell(call, last);
      return last !== undefined && last.run.disagreed > 0 ? 1 : 0;
    }),
};

export const shadowStop: CliCommand = {
  about: 'End the draft beside the version in force; what it has found stays',
  run: (call) =>
    withAdmin(call, async (admin) => {
      const stopped = await admin.stopShadow({ body: {} });
      if (call.json) call.io.out(JSON.stringify(stopped));
      else tell(call, stopped);
    }),
};

/** Milliseconds. */
function lengthOf(text: string): number {
  if (!/^\d+(s|m|h|d)$/.test(text)) throw misuse(`"${text}" is no length of time: 15m, 2h, 7d`);
  return -readTime(text, 0);
}

const mostLines = 50;

function tell({ io }: CliCall, { run, disagreements }: ShadowShown): void {
  const { by, startedAt, endsAt, endedAt, endedBecause, judged, disagreed, undetermined, failed, missed } = run;
  const ends = endedAt === undefined ? `runs until ${when(endsAt)}` : `ended at ${when(endedAt)} (${endedBecause})`;
  io.out(safeText(`A draft of ${by} since ${when(startedAt)}; it ${ends}.`));
  io.out(`${plural(judged, 'decision')} judged, ${disagreed} otherwise than the version in force.`);
  if (undetermined > 0) io.out(`${undetermined} depend on what was open at the decision.`);
  if (failed > 0) io.out(`At ${plural(failed, 'decision')} the draft broke.`);
  if (missed > 0) io.out(`${plural(missed, 'decision')} came faster than the draft could judge them.`);
  if (disagreements.length === 0) return;
  const rows = disagreements.slice(0, mostLines).map((one) => ({
    draft: one.direction === 'allow-to-deny' ? 'denies' : 'allows',
    person: one.person,
    app: one.app,
    by: one.policies.join(','),
    reason: one.reason,
    count: one.count,
    first: when(one.first),
    last: when(one.last),
    trace: one.trace.slice(0, 8),
  }));
  io.out(printTable(rows));
  if (disagreements.length > mostLines) io.out(`... and ${disagreements.length - mostLines} more (--json)`);
}
