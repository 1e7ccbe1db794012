/** What a revocation took back, gateway by gateway (P16): "cut" is said only where it was confirmed. */
import type { CliCall } from '#shared/base/cli.ts';
import type { CutReport } from '#shared/contracts/admin-objects.ts';
import { clockTime, plural, span } from './show.ts';

export function cutLines(report: CutReport, now: number): string[] {
  const { grants, sessions, gateways, complete, change } = report;
  const lines = gateways.map(({ gateway, state, appliedAfterMs, streamsCut, lastGrantEndsAt }) => {
    if (state === 'applied') {
      const after = appliedAfterMs === undefined ? 'applied' : `applied after ${appliedAfterMs} ms`;
      return `gateway ${gateway}: ${after}, ${plural(streamsCut, 'stream')} cut`;
    }
    if (lastGrantEndsAt === undefined) return `gateway ${gateway}: NOT confirmed; no grant that it could hold is alive`;
    const left = lastGrantEndsAt - now;
    const end =
      left > 0 ? `ends at ${clockTime(lastGrantEndsAt)} (in ${span(left)})` : `ended at ${clockTime(lastGrantEndsAt)}`;
    return `gateway ${gateway}: NOT confirmed; its last grant ${end}`;
  });
  if (gateways.length === 0) lines.push('no gateway is in service');
  lines.unshift(`${plural(grants, 'grant')} taken back, ${plural(sessions, 'session')} ended`);
  if (!complete && report.unkept === undefined) lines.push(`Not complete. Look again: posternctl cut ${change}`);
  return lines;
}

const notKept =
  'NOT KEPT: the disk of the controller takes nothing. Gateways were told to cut at once; nothing else is done.';

/** Exit code 1 while a gateway has not confirmed: what is not proven is not done. */
export function answerCut({ json, io }: CliCall, report: CutReport, sentence: string): number {
  if (json) io.out(JSON.stringify(report));
  else
    for (const line of [report.unkept === undefined ? sentence : notKept, ...cutLines(report, Date.now())])
      io.out(line);
  if (report.unkept !== undefined && !json)
    io.err(
      `Do it again once the disk takes writes (posternctl status): until then sessions stand, and from ${clockTime(report.unkept.until)} on nothing holds the gateways to it.`,
    );
  return report.complete ? 0 : 1;
}
