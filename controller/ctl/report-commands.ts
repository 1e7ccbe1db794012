/** `posternctl report`: reports for auditors. Each is on record as a reading of the log. */
import { writeFileSync } from 'node:fs';
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { PosternError } from '#shared/base/errors.ts';
import { reportLine, reportNames, reports } from '#shared/contracts/admin-reports.ts';
import { formatReport, reportForms } from '../reports/format-report.ts';
import { withAdmin } from './connect.ts';
import { readAnalysis } from './policy/read-draft.ts';
import { reportBundle } from './report-bundle.ts';
import { answerDone, chosen, given, misuse, numbered, oneWord, option, plural, readTime } from './show.ts';

export const reportCommands: Readonly<Record<string, CliCommand>> = {
  'report bundle': reportBundle,
  report: {
    about: 'A report for auditors, of now or any time in the past',
    args: '<name>',
    options: {
      at: { type: 'string', value: 'TIME', about: 'The moment it is about, or the end of its period; now unless told' },
      from: { type: 'string', value: 'TIME', about: 'Begin of the period; 90 days before its end unless told' },
      to: { type: 'string', value: 'TIME', about: 'The same as --at' },
      format: { type: 'string', value: 'FORM', about: `${reportForms.join(', ')}; text unless told` },
      out: { type: 'string', value: 'FILE', about: 'Into this new file instead of standard output' },
      sample: { type: 'string', value: 'N', about: 'Only so many rows, drawn by --seed' },
      seed: { type: 'string', value: 'TEXT', about: 'Whoever knows it draws the same sample again' },
    },
    help: [
      ...reportNames.map((name) => `  ${name.padEnd(8)}  ${reports[name]}`),
      '',
      'What was not recorded is "undetermined", never guessed. Times: 7d, 2026-11-20, "2026-11-20 10:00" or an ISO time.',
    ].join('\n'),
    run: (call) => withAdmin(call, (admin) => makeReport(call, admin)),
  },
};

async function makeReport(call: CliCall, admin: Parameters<Parameters<typeof withAdmin>[1]>[0]): Promise<void> {
  const name = oneWord(call.args[0]!, reportNames, 'the report');
  const form = chosen(call, 'format', reportForms) ?? (call.json ? 'json' : 'text');
  if (option(call, 'at') !== undefined && option(call, 'to') !== undefined) throw misuse('give --at or --to, not both');
  const rows = numbered(call, 'sample');
  const seed = option(call, 'seed');
  if ((rows === undefined) !== (seed === undefined)) throw misuse('--sample N and --seed TEXT go together');
  const time = (text: string | undefined) => (text === undefined ? undefined : readTime(text, Date.now()));
  const body = given({
    report: name,
    at: time(option(call, 'at') ?? option(call, 'to')),
    from: time(option(call, 'from')),
    sample: rows === undefined || seed === undefined ? undefined : { rows, seed },
  });
  const made = await readAnalysis(call, reportLine, await admin.makeReport({ body, timeoutMs: 3_600_000 }));
  const text = formatReport(made, form);
  const file = option(call, 'out');
  if (file === undefined || file === '-') return call.io.out(text.trimEnd());
  try {
    writeFileSync(file, text, { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? 'is there already' : `cannot be written: ${code}`;
    throw new PosternError('conflict', `the file ${file} ${why}`, { cause });
  }
  answerDone(call, { file, rows: made.rows.length }, `${file}: ${plural(made.rows.length, 'row')}.`);
}
