/** `posternctl review export`: a review with its decisions in one folder or file that anybody checks without Postern. */
import type { CliCall, CliCommand } from '#shared/base/cli.ts';
import { reviewName } from '#shared/log/check-review.ts';
import { reviewCsv, reviewPage } from '../reviews/review-page.ts';
import { type AdminClient, withAdmin } from './connect.ts';
import { type EvidenceBundle, evidenceTimeoutMs, inBundle, outOption } from './evidence-bundle.ts';
import { readReview } from './read-review.ts';
import { answerDone, option, plural } from './show.ts';

export const reviewExport: CliCommand = {
  about:
    'One folder or tar file: the review, its decisions, their records with proofs, the policies of its start, a page for people',
  args: '<name>',
  options: {
    out: outOption,
  },
  help: `It shows personal values. Its manifest is on record in the log. Check it without Postern:
posternctl log verifier V, then node V/check-proof.mjs PLACE --key KEY; an altered decision is named by its row.`,
  run: (call) =>
    withAdmin(call, (admin) => inBundle(admin, option(call, 'out')!, (bundle) => exportReview(call, admin, bundle))),
};

async function exportReview(call: CliCall, admin: AdminClient, bundle: EvidenceBundle): Promise<void> {
  const params = { name: call.args[0]! };
  const whole = await readReview(admin, params.name);
  const out = option(call, 'out')!;
  const { at: to, items } = await admin.reviewNow({ params, timeoutMs: evidenceTimeoutMs });
  const { origin } = await admin.logHead();
  const { review } = whole;
  const from = review.startedAt;
  bundle.write(reviewName, `${JSON.stringify({ ...whole, now: items }, null, 1)}\n`);
  bundle.write('review.csv', reviewCsv({ ...whole, now: items }));
  bundle.write('index.html', reviewPage({ ...whole, now: items }, origin));
  await bundle.writePolicies({ from, to: from });
  const records = await bundle.writeRecords({ from, to, review: review.name });
  const { files, key } = await bundle.seal({ from, to, records });
  const told = { out, files, records, state: review.state };
  answerDone(call, told, `${out}: ${plural(review.rows, 'right')}, ${plural(records, 'record')} in ${files} files.`);
  call.io.err(`Check it with the key: ${key}`);
}
