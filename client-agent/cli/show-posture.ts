/** `postern posture`: every value this device tells, how it counts, and how to put it right (P31). */
import type { CliCall } from '#shared/base/cli.ts';
import { printTable, safeText } from '#shared/base/print-table.ts';
import { type PostureView, viewPosture } from '../portal/posture-view.ts';
import { withAgent } from './with-agent.ts';
import { ago, answer } from './words.ts';

export async function showPosture(call: CliCall): Promise<void> {
  const { posture } = await withAgent(call, ({ calls }) =>
    call.values['report'] === true ? calls.reportPosture() : calls.posture(),
  );
  if (posture === undefined) {
    answer(call, { posture: null }, () => call.io.out('Nothing has been looked at yet. Run: postern posture --report'));
    return;
  }
  const view = viewPosture(posture, posture.failure);
  answer(call, { posture: view }, () => print(call, view));
}

function print({ io }: CliCall, { lines, reportedAt, seq, failure }: PostureView): void {
  const number = seq === undefined ? '' : `, report ${seq}`;
  io.out(`Looked at ${ago(Date.now() - reportedAt)}${number}. What stands under SENT is all that leaves this device.`);
  if (failure !== undefined) io.out(`It could not be sent: ${safeText(failure.title)} (${failure.code})`);
  io.out(
    printTable(
      lines.map(({ id, status, sent, judged, detail, detailIsSent }) => ({
        fact: id,
        found: status,
        sent: sent === null ? 'not known' : String(sent),
        counted: judged ?? '-',
        detail: detail === undefined ? '' : `${detail}${detailIsSent ? '' : ' (not sent)'}`,
      })),
    ),
  );
  const wrong = lines.filter(({ status, judged, fix }) => fix !== undefined && (judged ?? status) !== 'pass');
  if (wrong.length > 0) io.out('\nTo put right:');
  for (const { title, fix } of wrong) io.out(`  - ${safeText(title)}\n    ${safeText(fix!)}`);
}
