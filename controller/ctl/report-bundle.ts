/** `posternctl report bundle`: everything about a period in one folder or file that anybody checks without Postern. */
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { type Report, type ReportName, reportLine, reportNames } from '#shared/contracts/admin-reports.ts';
import { bundlePage } from '../reports/bundle-page.ts';
import { formatReport } from '../reports/format-report.ts';
import { type AdminClient, withAdmin } from './connect.ts';
import { type EvidenceBundle, inBundle, outOption, evidenceTimeoutMs as timeoutMs } from './evidence-bundle.ts';
import { readAnalysis } from './policy/read-draft.ts';
import { answerDone, given, option, plural, readTime } from './show.ts';

export const reportBundle: CliCommand = {
  about:
    'Evidence in one folder or tar file: records, proofs, policies in force, checkpoints, reports, a page for people',
  options: {
    from: { type: 'string', value: 'TIME', about: 'Begin of the period; 90 days before its end unless told' },
    to: { type: 'string', value: 'TIME', about: 'Its end; now unless told' },
    out: outOption,
  },
  help: `It shows personal values. Its manifest is on record in the log. Check it without Postern:
posternctl log verifier V, then node V/check-proof.mjs PLACE --key KEY; any altered file is named.`,
  run: (call) =>
    withAdmin(call, (admin) => inBundle(admin, option(call, 'out')!, (bundle) => makeBundle(call, admin, bundle))),
};

async function makeBundle(call: CliCall, admin: AdminClient, bundle: EvidenceBundle): Promise<void> {
  const time = (name: string) => {
    const text = option(call, name);
    return text === undefined ? undefined : readTime(text, Date.now());
  };
  const out = option(call, 'out')!;
  const report = async (name: ReportName, period: { readonly from?: number; readonly at?: number }) => {
    const body = { report: name, ...period };
    return readAnalysis(call, reportLine, await admin.makeReport({ body, timeoutMs }));
  };
  // What was not told the controller settles, by its own clock; all that follows is of the same period.
  const first = await report('used', given({ from: time('from'), at: time('to') }));
  const { at: to, from = to } = first;
  const made: Report[] = [];
  for (const name of reportNames) {
    const one = name === 'used' ? first : await report(name, { from, at: to });
    made.push(one);
    bundle.write(`reports/${name}.json`, formatReport(one, 'json'));
    bundle.write(`reports/${name}.csv`, formatReport(one, 'csv'));
  }
  const records = await bundle.writeRecords({ from, to });
  await bundle.writePolicies({ from, to });
  const { origin } = await admin.logHead();
  bundle.write('index.html', bundlePage({ origin, from, to, records, reports: made }));
  const { files, key } = await bundle.seal({ from, to, records });
  answerDone(call, { out, files, records }, `${out}: ${plural(records, 'record')} in ${files} files.`);
  call.io.err(`Check it with the key: ${key}`);
}
